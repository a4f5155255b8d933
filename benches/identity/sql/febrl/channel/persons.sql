-- One row per person record.
select
  'febrl' as source,
  record as record_id,
  given_name as first_name,
  surname as last_name,
  date_of_birth as birth_date,
  street_number as house_number,
  address_1 as street,
  postcode,
  suburb as city
from raw.febrl
