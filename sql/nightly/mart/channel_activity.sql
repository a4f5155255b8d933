-- One row a month and channel: sales, returns, margin, and by how many customers known.
select
  cast(date_trunc('month', l.ordered_at) as date) as month,
  l.channel,
  count(distinct case when not l.is_return then l.order_id end) as orders,
  count(distinct l.customer_id) as customers,
  sum(l.quantity) as quantity,
  sum(l.net_amount) as net_amount,
  sum(l.discount) as discount,
  coalesce(sum(l.net_amount) filter (where l.is_return), 0) as returned_amount,
  coalesce(sum(l.net_amount) filter (where l.customer_id is null), 0) as anonymous_amount,
  sum(l.net_amount - l.quantity * p.unit_cost) as margin
from core.order_lines l
left join core.products p on p.product_id = l.product_id
group by 1, 2
