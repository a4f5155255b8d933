-- One row per line of an order, shop and web; customer_id is null if the customer is unknown.
select
  l.order_id,
  l.line_no,
  i.customer_id,
  l.ordered_at,
  'shop' as channel,
  l.shop,
  l.product_id,
  l.quantity,
  l.unit_price,
  l.discount,
  l.net_amount,
  l.is_return
from channel.shop_lines l
left join core.customer_ids i on i.source = 'card' and i.record_id = l.card
union all
select
  l.order_id,
  l.line_no,
  i.customer_id,
  l.ordered_at,
  'web',
  cast(null as varchar),
  l.product_id,
  l.quantity,
  l.unit_price,
  l.discount,
  l.net_amount,
  l.is_return
from channel.web_lines l
left join core.customer_ids i on i.source = 'account' and i.record_id = l.account_id
