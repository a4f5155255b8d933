-- One row per record of a key account, in either system.
select
  system as source,
  record as record_id,
  arrow_cast(changed_on, 'Timestamp(Microsecond, Some("UTC"))') as seen_at,
  legal_number,
  name,
  street,
  postcode,
  city
from raw.key_accounts
