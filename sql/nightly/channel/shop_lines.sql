-- One row per line of a shop ticket, returns included, with the loyalty card if it is known.
-- A number that is on no form was keyed in wrongly: the ticket stays, without a customer.
with known as (select distinct card from raw.card_forms)
select
  t.ticket as order_id,
  t.line_no,
  t.sold_at as ordered_at,
  t.shop,
  known.card,
  t.product_id,
  t.quantity,
  t.unit_price,
  t.discount,
  t.net_amount,
  t.quantity < 0 as is_return
from raw.shop_tickets t
left join known on known.card = t.card
