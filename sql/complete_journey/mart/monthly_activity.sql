-- Grain: one calendar month (New York). Purpose: is the base growing or leaking: households that
-- bought, of these the new ones and the ones back after a month without a purchase, and the ones of
-- the month before that did not come.
with placed as (
  select customer_id, cast(date_trunc('month', order_day) as date) as month, net_amount
  from core.orders
),
sales as (
  select month, count(*) as orders, cast(sum(net_amount) as decimal(18, 2)) as net_amount
  from placed
  group by month
),
months as (
  select distinct customer_id, month
  from placed
),
seen as (
  select
    customer_id,
    month,
    lag(month) over (partition by customer_id order by month) as month_before,
    lead(month) over (partition by customer_id order by month) as month_after,
    cast(month + interval '1 month' as date) as next_month
  from months
),
active as (
  select
    month,
    count(*) as customers,
    count(*) filter (where month_before is null) as new_customers,
    count(*) filter (where month_before < month - interval '1 month') as returning_customers
  from seen
  group by month
),
absent as (
  select next_month as month, count(*) as absent_customers
  from seen
  where month_after is null or month_after > next_month
  group by next_month
)
select
  active.month,
  active.customers,
  active.new_customers,
  active.returning_customers,
  coalesce(absent.absent_customers, 0) as absent_customers,
  sales.orders,
  sales.net_amount
from active
join sales on sales.month = active.month
left join absent on absent.month = active.month
