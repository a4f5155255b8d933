-- One row a complaint.
select card, complained_at from raw.complaints
