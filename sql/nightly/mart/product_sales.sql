-- One row per month and product: quantity sold, margin, and the number of known customers.
select
  cast(date_trunc('month', local_day(l.ordered_at)) as date) as month,
  l.product_id,
  p.label,
  p.category,
  sum(l.quantity) as quantity,
  sum(l.net_amount) as net_amount,
  sum(l.net_amount - l.quantity * p.unit_cost) as margin,
  count(distinct l.customer_id) as customers
from core.order_lines l
left join core.products p on p.product_id = l.product_id
group by 1, 2, 3, 4
