-- Grain: one row per web account: the buyer as the account's latest order describes them.
with ranked as (
  select *, row_number() over (partition by account_id order by ordered_at desc, order_id desc, line_no) as nth
  from raw.web_orders
  where account_id is not null -- null: forgotten
)
select
  account_id,
  ordered_at as last_ordered_at,
  first_name,
  last_name,
  standard_email(email) as email,
  phone,
  street,
  postcode,
  city
from ranked
where nth = 1
