-- Grain: one row per record of a key account, in either system.
select
  system as source,
  record as record_id,
  day_start(changed_on) as seen_at,
  legal_number,
  name,
  street,
  postcode,
  city
from raw.key_accounts
