-- One row a customer: what the best record says. The card's form goes before the web account, and
-- that before a form filled without a card; of several the latest.
with accounts as (
  select
    account_id, first_name, last_name, email, phone, street, postcode, city, ordered_at,
    row_number() over (partition by account_id order by ordered_at desc, order_id desc, line_no) as nth
  from raw.web_orders
),
records as (
  select
    i.customer_id, 1 as trust, cast(c.changed_on as timestamp) as seen, c.card as record_id, c.title,
    c.first_name, c.last_name, c.birth_date, c.email, c.phone, c.street, c.postcode, c.city,
    c.preferred_contact, c.interests, c.created_on as known_since
  from channel.cards c
  join core.customer_ids i on i.source = 'card' and i.record_id = c.card
  union all
  select
    i.customer_id, 2, cast(a.ordered_at as timestamp), a.account_id, null,
    a.first_name, a.last_name, null, lower(trim(a.email)), a.phone, a.street, a.postcode, a.city,
    null, null, null
  from accounts a
  join core.customer_ids i on i.source = 'account' and i.record_id = a.account_id
  where a.nth = 1
  union all
  select
    i.customer_id, 3, cast(f.filled_on as timestamp), f.form, null,
    f.first_name, f.last_name, null, lower(trim(f.email)), f.phone, null, f.postcode, null,
    null, null, f.filled_on
  from raw.forms f
  join core.customer_ids i on i.source = 'form' and i.record_id = f.form
),
ranked as (
  select *, row_number() over (partition by customer_id order by trust, seen desc, record_id) as nth
  from records
),
reached as (
  select
    customer_id,
    min(case when source = 'email' then record_id end) as email,
    count(*) filter (where source = 'card') as cards,
    count(*) filter (where source = 'account') as accounts
  from core.customer_ids
  group by customer_id
)
select
  r.customer_id,
  b.title,
  b.first_name,
  b.last_name,
  b.birth_date,
  coalesce(b.email, r.email) as email,
  b.phone,
  b.street,
  b.postcode,
  b.city,
  b.preferred_contact,
  b.interests,
  b.known_since,
  r.cards,
  r.accounts
from reached r
left join ranked b on b.customer_id = r.customer_id and b.nth = 1
