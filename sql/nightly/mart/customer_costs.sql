-- Grain: one row per customer known at $as_of: how they began, and what serving them cost in the year before, beyond
-- the margin of what they bought. Customers who never bought are grouped by how they came.
with first_days as (
  select customer_id, min(local_day(ordered_at)) as first_on
  from core.orders
  where customer_id is not null and not is_return
  group by customer_id
),
beginnings as (
  select
    orders.customer_id,
    max(case when orders.channel = 'web' then 1 else 0 end) as on_web,
    sum(orders.lines) as lines
  from core.orders as orders
  join first_days on first_days.customer_id = orders.customer_id
  where not orders.is_return and local_day(orders.ordered_at) = first_days.first_on
  group by orders.customer_id
),
origins as (
  select customer_id, min(acquisition_channel) as acquisition_channel
  from core.acquisitions
  where customer_id is not null
  group by customer_id
),
costs as (
  select customer_id, -sum(amount) as cost_365d
  from core.ledger
  where customer_id is not null
    and booked_at + interval '365 days' >= $as_of
    and (is_return or account in ('delivery', 'contact', 'reward', 'late_payment', 'bad_debt'))
  group by customer_id
)
select
  customers.customer_id,
  origins.acquisition_channel,
  case
    when beginnings.customer_id is null then concat('never bought, came by ', coalesce(acquisition_channel, 'no known way'))
    when on_web = 1 and lines > 2 then 'began on the web, large basket'
    when on_web = 1 then 'began on the web, small basket'
    when lines > 2 then 'began in a shop, large basket'
    else 'began in a shop, small basket'
  end as beginning,
  cast(coalesce(costs.cost_365d, 0) as decimal(18,2)) as cost_365d
from core.customers
left join beginnings on beginnings.customer_id = customers.customer_id
left join origins on origins.customer_id = customers.customer_id
left join costs on costs.customer_id = customers.customer_id
