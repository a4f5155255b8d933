-- Grain: one row per card, as its latest form describes the holder.
with ranked as (
  select *, row_number() over (partition by card order by changed_on desc, form desc) as nth
  from raw.card_forms
)
select
  card,
  title,
  first_name,
  last_name,
  birth_date,
  standard_email(email) as email,
  phone,
  street,
  postcode,
  city,
  preferred_contact,
  interests,
  created_on,
  changed_on
from ranked
where nth = 1
