-- Grain: one row per form that a prospect filled in: a competition, a request for the catalogue.
select
  form,
  filled_on,
  origin,
  first_name,
  last_name,
  standard_email(email) as email,
  phone,
  postcode
from raw.forms
