-- Grain: one row per customer who has bought, as of the run's instant.
select
  customer_id,
  count(*) as orders,
  sum(net_amount) as net_amount,
  date_part('day', $as_of - max(ordered_at)) as recency_days
from core.orders
where customer_id is not null
group by customer_id
