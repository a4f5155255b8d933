-- One row per line of an order; customer_id is null where no card was shown, and where
-- the account was forgotten.
select t.ticket as order_id, i.customer_id, t.sold_at as ordered_at, 'till' as channel,
  t.product_id, t.quantity, t.net_amount
from raw.tickets t
left join core.customer_ids i on i.source = 'card' and i.record_id = t.card
union all
select w.order_id, i.customer_id, w.ordered_at, 'web', w.product_id, w.quantity, w.net_amount
from raw.web_orders w
left join core.customer_ids i on i.source = 'account' and i.record_id = w.account
