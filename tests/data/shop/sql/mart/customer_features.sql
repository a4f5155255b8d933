-- One row per customer with an order known at $as_of.
select
  customer_id,
  cast((to_unixtime($as_of) - to_unixtime(max(ordered_at))) / 86400 as bigint) as recency_days,
  count(*) as orders_total,
  count(*) filter (where ordered_at >= $as_of - interval '90 days') as orders_90d,
  sum(net_amount) as net_amount_total,
  cast(count(*) filter (where channel = 'web') as double) / count(*) as web_share
from core.orders
where customer_id is not null
group by customer_id
