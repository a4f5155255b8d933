-- Grain: one basket. Purpose: the visits of each household. A basket has one household, one shop and
-- one time, so grouping by all of them keeps one row per basket (the check on order_id says so).
-- First by department, then by basket: a distinct count would keep a set for each of the baskets.
with by_department as (
  select
    customer_id, order_id, ordered_at, order_day, store_id, department,
    count(*) as lines,
    sum(pieces) as pieces,
    sum(net_amount) as net_amount,
    coalesce(sum(net_amount) filter (where is_fuel), 0) as fuel_amount,
    sum(loyalty_discount) as loyalty_discount,
    sum(coupon_discount + coupon_match_discount) as coupon_discount
  from core.order_lines
  group by customer_id, order_id, ordered_at, order_day, store_id, department
)
select
  customer_id,
  order_id,
  'shop' as channel,
  ordered_at,
  order_day,
  store_id,
  cast(sum(lines) as bigint) as lines,
  count(*) as departments,
  sum(pieces) as pieces,
  cast(sum(net_amount) as decimal(18, 2)) as net_amount,
  cast(sum(fuel_amount) as decimal(18, 2)) as fuel_amount,
  cast(sum(loyalty_discount) as decimal(18, 2)) as loyalty_discount,
  cast(sum(coupon_discount) as decimal(18, 2)) as coupon_discount
from by_department
group by customer_id, order_id, ordered_at, order_day, store_id
