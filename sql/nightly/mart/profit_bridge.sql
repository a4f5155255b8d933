-- Grain: one row per period (`all`, and each year) and account, in the order from sales to profit: how much, whose,
-- and what is left after it.
with accounts as (
  select * from (values
    (1, 'sales', 'revenue'), (2, 'discounts', 'revenue'), (3, 'returns', 'revenue'), (4, 'tax', 'revenue'),
    (5, 'product_cost', 'goods'), (6, 'delivery', 'service'), (7, 'return_handling', 'service'),
    (8, 'contact', 'service'), (9, 'campaign', 'marketing'), (10, 'reward', 'marketing'),
    (11, 'acquisition', 'marketing'), (12, 'late_payment', 'payment'), (13, 'bad_debt', 'payment')
  ) as accounts (position, account, activity)
),
booked as (
  select
    account,
    case
      when customer_id is not null then 'customer' when organisation_id is not null then 'organisation' else 'nobody'
    end as whose,
    cast(cast(date_part('year', local_day(booked_at)) as bigint) as varchar) as year,
    sum(amount) as amount
  from core.ledger
  group by 1, 2, 3
),
entries as (
  select account, whose, amount, unnest(make_array('all', year)) as period from booked
),
summed as (
  select
    period,
    account,
    sum(amount) as amount,
    sum(case when whose = 'customer' then amount else 0 end) as of_customers,
    sum(case when whose = 'organisation' then amount else 0 end) as of_organisations,
    sum(case when whose = 'nobody' then amount else 0 end) as unallocated
  from entries
  group by period, account
)
select
  periods.period,
  accounts.position,
  accounts.account,
  accounts.activity,
  cast(coalesce(summed.amount, 0) as decimal(18,2)) as amount,
  cast(coalesce(summed.of_customers, 0) as decimal(18,2)) as of_customers,
  cast(coalesce(summed.of_organisations, 0) as decimal(18,2)) as of_organisations,
  cast(coalesce(summed.unallocated, 0) as decimal(18,2)) as unallocated,
  cast(
    sum(coalesce(summed.amount, 0)) over (
      partition by periods.period order by accounts.position rows unbounded preceding
    ) as decimal(18,2)
  ) as left_after
from (select distinct period from summed) as periods
cross join accounts
left join summed on summed.period = periods.period and summed.account = accounts.account
