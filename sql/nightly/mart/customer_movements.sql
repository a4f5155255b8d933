-- Grain: one row per customer and month in which the customer's value changed: what it was before and is after.
-- A customer is worth the margin of the last twelve months, returns taken off, and is of the portfolio while they hold
-- a purchase or a return of the customer. The margin to come is in mart.portfolio_equity: it is that of tonight, and
-- what it was in earlier months is not known.
-- Each month's margin comes in with the month and leaves twelve months later, so the value is a running sum.
with margins as (
  select
    lines.customer_id,
    cast(date_trunc('month', local_day(lines.ordered_at)) as date) as month,
    -- What is not in the catalogue has no known cost.
    sum(lines.net_amount - lines.quantity * coalesce(products.unit_cost, 0)) as margin
  from core.order_lines as lines
  left join core.products on products.product_id = lines.product_id
  where lines.customer_id is not null
  group by 1, 2
),
changes as (
  select customer_id, month, margin as change, 1 as active from margins
  union all
  select customer_id, cast(month + interval '12 months' as date), -margin, -1 from margins
),
monthly as (
  select customer_id, month, sum(change) as change, sum(active) as active
  from changes
  group by 1, 2
),
running as (
  select
    customer_id,
    month,
    change,
    active,
    sum(change) over (partition by customer_id order by month) as value_after,
    sum(active) over (partition by customer_id order by month) as active_after,
    min(month) over (partition by customer_id) as first_month
  from monthly
),
moved as (
  select *, active_after - active as active_before, value_after - change as value_before
  from running
  -- A month counts once it is over: who will still buy in it is not lost.
  where month + interval '1 month' <= local_day($as_of)
)
select
  customer_id,
  month,
  case
    when month = first_month then 'won'
    when active_before = 0 then 'returned'
    when active_after = 0 then 'lost'
    when change > 0 then 'grown'
    when change < 0 then 'shrunk'
    else 'unchanged'
  end as category,
  cast(value_before as decimal(14, 2)) as value_before,
  cast(value_after as decimal(14, 2)) as value_after,
  cast(change as decimal(14, 2)) as amount
from moved
