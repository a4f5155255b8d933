-- Grain: one row per month and product: quantity sold, margin, and the number of known customers.
select
  cast(date_trunc('month', local_day(lines.ordered_at)) as date) as month,
  lines.product_id,
  products.label,
  products.category,
  sum(lines.quantity) as quantity,
  sum(lines.net_amount) as net_amount,
  sum(lines.net_amount - lines.quantity * products.unit_cost) as margin,
  count(distinct lines.customer_id) as customers
from core.order_lines as lines
left join core.products on products.product_id = lines.product_id
group by 1, 2, 3, 4
