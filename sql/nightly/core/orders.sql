-- One row per order or a return, shop and web; customer_id is null where nobody was recognised.
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
