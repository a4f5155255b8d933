-- Grain: one row per line of a web order, returns included.
select
  order_id,
  line_no,
  ordered_at,
  account_id,
  product_id,
  quantity,
  unit_price,
  discount,
  net_amount,
  kind = 'return' as is_return
from raw.web_orders
