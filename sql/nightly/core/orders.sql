-- Grain: one row per order or return, shop and web; customer_id is null if the customer is unknown.
select
  order_id,
  customer_id,
  ordered_at,
  channel,
  shop,
  is_return,
  count(*) as lines,
  sum(quantity) as quantity,
  sum(discount) as discount,
  sum(net_amount) as net_amount
from core.order_lines
group by order_id, customer_id, ordered_at, channel, shop, is_return
