-- One row per month and channel: sales, returns, margin, and the number of known customers.
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
    l.month,
    l.channel,
    sum(l.quantity) as quantity,
    sum(l.net_amount) as net_amount,
    sum(l.discount) as discount,
    coalesce(sum(l.net_amount) filter (where l.is_return), 0) as returned_amount,
    coalesce(sum(l.net_amount) filter (where l.customer_id is null), 0) as anonymous_amount,
    sum(l.net_amount - l.quantity * p.unit_cost) as margin
  from lines l
  left join core.products p on p.product_id = l.product_id
  group by 1, 2
)
select
  s.month,
  s.channel,
  coalesce(o.orders, 0) as orders,
  coalesce(c.customers, 0) as customers,
  s.quantity,
  s.net_amount,
  s.discount,
  s.returned_amount,
  s.anonymous_amount,
  s.margin
from sales s
left join orders o on o.month = s.month and o.channel = s.channel
left join customers c on c.month = s.month and c.channel = s.channel
