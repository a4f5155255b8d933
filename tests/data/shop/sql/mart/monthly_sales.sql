-- One row per month and channel.
select
  cast(date_trunc('month', local_day(ordered_at)) as date) as month,
  channel,
  count(distinct order_id) as orders,
  count(distinct customer_id) as customers,
  sum(net_amount) as net_amount
from core.order_lines
group by 1, 2
