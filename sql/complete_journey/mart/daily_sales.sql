-- Grain: one New York day and department. Purpose: the sales curve for dashboards; orders, customers
-- and lines are counted within the department, so orders and customers do not add up over departments.
-- Grouped in three strides (basket, household, department) so that nothing keeps a set per group.
with by_basket as (
  select
    order_day, department, customer_id, order_id,
    count(*) as lines,
    sum(pieces) as pieces,
    sum(net_amount) as net_amount,
    sum(loyalty_discount) as loyalty_discount,
    sum(coupon_discount + coupon_match_discount) as coupon_discount
  from core.order_lines
  group by order_day, department, customer_id, order_id
),
by_customer as (
  select
    order_day, department, customer_id,
    count(*) as orders,
    sum(lines) as lines,
    sum(pieces) as pieces,
    sum(net_amount) as net_amount,
    sum(loyalty_discount) as loyalty_discount,
    sum(coupon_discount) as coupon_discount
  from by_basket
  group by order_day, department, customer_id
)
select
  order_day as day,
  department,
  cast(sum(orders) as bigint) as orders,
  count(*) as customers,
  cast(sum(lines) as bigint) as lines,
  sum(pieces) as pieces,
  cast(sum(net_amount) as decimal(18, 2)) as net_amount,
  cast(sum(loyalty_discount) as decimal(18, 2)) as loyalty_discount,
  cast(sum(coupon_discount) as decimal(18, 2)) as coupon_discount
from by_customer
group by order_day, department
