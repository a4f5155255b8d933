-- Grain: one row per line of an order, shop and web; customer_id is null if the customer is unknown.
select
  lines.order_id,
  lines.line_no,
  ids.customer_id,
  lines.ordered_at,
  'shop' as channel,
  lines.shop,
  lines.product_id,
  lines.quantity,
  lines.unit_price,
  lines.discount,
  lines.net_amount,
  lines.is_return
from channel.shop_lines as lines
left join core.customer_ids as ids on ids.source = 'card' and ids.record_id = lines.card
union all
select
  lines.order_id,
  lines.line_no,
  ids.customer_id,
  lines.ordered_at,
  'web',
  null,
  lines.product_id,
  lines.quantity,
  lines.unit_price,
  lines.discount,
  lines.net_amount,
  lines.is_return
from channel.web_lines as lines
left join core.customer_ids as ids on ids.source = 'account' and ids.record_id = lines.account_id
