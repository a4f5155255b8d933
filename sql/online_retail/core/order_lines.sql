-- Grain: one line of a sales invoice. Purpose: what was in each order. Postage, vouchers and manual
-- lines stay, marked by line_kind, so that an order's lines add up to the order.
select
  orders.customer_id,
  orders.order_id,
  lines.line_no,
  orders.ordered_at,
  orders.order_day,
  lines.product_id,
  lines.line_kind,
  lines.quantity,
  lines.unit_price,
  lines.net_amount
from channel.invoice_lines as lines
join core.orders on orders.order_id = lines.invoice_no
