-- One row per person record.
select
  'fake' as source,
  record as record_id,
  first_name,
  surname as last_name,
  dob as birth_date,
  email,
  city
from raw.fake_1000
