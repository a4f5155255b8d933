-- Grain: one product of one basket (a basket lists a product once). Purpose: every line sold, with
-- money as the shop received it. `quantity` is as the till wrote it; fuel counts thousandths of a gallon, so
-- `pieces` leaves fuel out.
select
  lines.customer_id,
  lines.order_id,
  lines.ordered_at,
  lines.order_day,
  lines.store_id,
  lines.product_id,
  lines.quantity,
  case when products.is_fuel then 0 else lines.quantity end as pieces,
  products.is_fuel,
  products.department,
  lines.net_amount,
  lines.loyalty_discount,
  lines.coupon_discount,
  lines.coupon_match_discount
from channel.basket_lines as lines
join core.products on products.product_id = lines.product_id
