-- Grain: one thing that happened between a known customer and the shop: an order or a credit note.
select
  concat('order-', order_id) as interaction_id,
  customer_id,
  ordered_at as occurred_at,
  channel,
  'order' as kind,
  'in' as direction,
  order_id as reference,
  net_amount as amount
from core.orders
where customer_id is not null
union all
select concat('credit-', credit_id), customer_id, credited_at, 'web', 'credit', 'out', credit_id, net_amount
from core.credits
where customer_id is not null
