-- One row per customer: who they are and what they did.
with answers as (
  select customer_id, granted,
    row_number() over (partition by customer_id order by valid_from desc) as nth
  from core.consents
  where channel = 'email'
)
select
  c.customer_id,
  c.first_name,
  c.email,
  f.recency_days,
  coalesce(f.orders_total, 0) as orders_total,
  coalesce(f.orders_90d, 0) as orders_90d,
  coalesce(f.net_amount_total, 0) as net_amount_total,
  coalesce(a.granted, false) as consent_email
from core.customers c
left join mart.customer_features f on f.customer_id = c.customer_id
left join answers a on a.customer_id = c.customer_id and a.nth = 1
