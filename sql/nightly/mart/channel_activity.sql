-- Grain: one row per month and channel: sales, returns, margin, and the number of known customers.
-- What is counted once is made distinct first: that spills to disk, where two count(distinct) beside
-- each other would hold every order of the month in memory.
with lines as (
  select cast(date_trunc('month', local_day(ordered_at)) as date) as month, *
  from core.order_lines
),
orders as (
  select month, channel, count(*) as orders
  from (select distinct month, channel, order_id from lines where not is_return) as placed
  group by 1, 2
),
customers as (
  select month, channel, count(*) as customers
  from (select distinct month, channel, customer_id from lines where customer_id is not null) as known
  group by 1, 2
),
sales as (
  select
    lines.month,
    lines.channel,
    sum(lines.quantity) as quantity,
    sum(lines.net_amount) as net_amount,
    sum(lines.discount) as discount,
    coalesce(sum(lines.net_amount) filter (where lines.is_return), 0) as returned_amount,
    coalesce(sum(lines.net_amount) filter (where lines.customer_id is null), 0) as anonymous_amount,
    sum(lines.net_amount - lines.quantity * products.unit_cost) as margin
  from lines
  left join core.products on products.product_id = lines.product_id
  group by 1, 2
)
select
  sales.month,
  sales.channel,
  coalesce(orders.orders, 0) as orders,
  coalesce(customers.customers, 0) as customers,
  sales.quantity,
  sales.net_amount,
  sales.discount,
  sales.returned_amount,
  sales.anonymous_amount,
  sales.margin
from sales
left join orders on orders.month = sales.month and orders.channel = sales.channel
left join customers on customers.month = sales.month and customers.channel = sales.channel
