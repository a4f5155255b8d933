-- One row per card: its latest form.
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
  lower(trim(email)) as email,
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
