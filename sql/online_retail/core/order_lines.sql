-- Grain: one line of a sales invoice. Purpose: what was in each order. Postage, vouchers and manual
-- lines stay, marked by line_kind, so that an order's lines add up to the order.
SELECT
  o.customer_id,
  o.order_id,
  l.line_no,
  o.ordered_at,
  o.order_day,
  l.product_id,
  l.line_kind,
  l.quantity,
  l.unit_price,
  l.net_amount
FROM channel.invoice_lines AS l
JOIN core.orders AS o ON o.order_id = l.invoice_no
