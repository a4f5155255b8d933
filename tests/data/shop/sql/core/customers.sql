-- One row per customer: what the latest card form says.
with forms as (
  select i.customer_id, c.first_name, lower(c.email) as email,
    row_number() over (partition by i.customer_id order by c.created_on desc, c.card, c.email) as nth
  from raw.cards c
  join core.customer_ids i on i.source = 'card' and i.record_id = c.card
),
known as (select distinct customer_id from core.customer_ids)
select k.customer_id, f.first_name, f.email
from known k
left join forms f on f.customer_id = k.customer_id and f.nth = 1
