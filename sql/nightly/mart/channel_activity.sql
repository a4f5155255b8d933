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
    coalesce(sum(lines.net_amount) filter (where lines.customer_id is null), 0) as anonymous_amount
  from lines
  group by 1, 2
),
margins as (
  select cast(date_trunc('month', local_day(booked_at)) as date) as month, channel, sum(amount) as margin
  from core.ledger
  where account in ('sales', 'discounts', 'returns', 'tax', 'product_cost')
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
  cast(coalesce(margins.margin, 0) as decimal(18,2)) as margin
from sales
left join margins on margins.month = sales.month and margins.channel = sales.channel
left join orders on orders.month = sales.month and orders.channel = sales.channel
left join customers on customers.month = sales.month and customers.channel = sales.channel
