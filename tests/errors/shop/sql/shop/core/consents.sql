-- Grain: one row per customer and channel they were asked about.
select customer_id, 'email' as channel, accepts_email as granted, since as valid_from
from raw.people
