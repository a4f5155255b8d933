-- Grain: one row per line of an order or of what was brought back, whose amounts are negative.
select
  lines.order_id,
  lines.line_no,
  coalesce(lines.customer_id, '(unknown)') as customer_id,
  coalesce(lines.shop, 'web') as shop_id,
  lines.product_id,
  local_day(lines.ordered_at) as ordered_on,
  lines.ordered_at,
  lines.channel,
  lines.is_return,
  lines.quantity,
  cast(lines.net_amount + lines.discount as decimal(12, 2)) as gross_amount,
  cast(lines.discount as decimal(12, 2)) as discount,
  cast(lines.net_amount as decimal(12, 2)) as net_amount,
  cast(lines.quantity * products.unit_cost as decimal(12, 2)) as cost,
  cast(lines.net_amount - lines.quantity * products.unit_cost as decimal(12, 2)) as margin
from core.order_lines as lines
left join core.products on products.product_id = lines.product_id
