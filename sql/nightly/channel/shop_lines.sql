-- Grain: one row per line of a shop ticket, returns included, with the loyalty card if it is known.
-- A number that is on no form was keyed in wrongly: the ticket stays, without a customer.
select
  tickets.ticket as order_id,
  tickets.line_no,
  tickets.sold_at as ordered_at,
  tickets.shop,
  cards.card,
  tickets.product_id,
  tickets.quantity,
  tickets.unit_price,
  tickets.discount,
  tickets.net_amount,
  tickets.quantity < 0 as is_return
from raw.shop_tickets as tickets
left join channel.cards on cards.card = tickets.card
