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
entries as (
  select
    account, customer_id, organisation_id, amount,
    unnest(make_array('all', cast(cast(date_part('year', local_day(booked_at)) as bigint) as varchar))) as period
  from core.ledger
),
summed as (
  select
    period,
    account,
    sum(amount) as amount,
    sum(case when customer_id is not null then amount else 0 end) as of_customers,
    sum(case when organisation_id is not null then amount else 0 end) as of_organisations,
    sum(case when customer_id is null and organisation_id is null then amount else 0 end) as unallocated
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
