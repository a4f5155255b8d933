-- One row per complaint.
select card, complained_at from raw.complaints
