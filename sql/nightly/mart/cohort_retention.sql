-- Grain: one row per channel by which customers came (`all` for every channel), month of their first order and number
-- of months since, 0 for that month: how many were there, how many of them ordered in the month, and what they have
-- brought. Only months that are over at $as_of.
with followed as (
  select customer_id, cohort_month, unnest(make_array('all', acquisition_channel)) as acquisition_channel
  from mart.customer_cohorts
  where cohort_month is not null
),
months as (
  select cast(unnest(generate_series(first_month, last_month, interval '1 month')) as date) as month
  from (
    select
      min(cohort_month) as first_month,
      cast(date_trunc('month', local_day($as_of)) - interval '1 month' as date) as last_month
    from mart.customer_cohorts
  ) as span
),
cohorts as (
  select acquisition_channel, cohort_month, count(*) as customers
  from followed
  group by 1, 2
),
every as (
  select
    cohorts.acquisition_channel,
    cohorts.cohort_month,
    months.month,
    cast(
      (date_part('year', months.month) - date_part('year', cohorts.cohort_month)) * 12
        + date_part('month', months.month) - date_part('month', cohorts.cohort_month) as bigint
    ) as months_since,
    cohorts.customers
  from cohorts
  join months on months.month >= cohorts.cohort_month
),
-- Made distinct before they are counted: that spills to disk.
ordered as (
  select distinct customer_id, cast(date_trunc('month', local_day(ordered_at)) as date) as month
  from core.orders
  where customer_id is not null and not is_return
),
active as (
  select followed.acquisition_channel, followed.cohort_month, ordered.month, count(*) as customers
  from followed
  join ordered on ordered.customer_id = followed.customer_id
  group by 1, 2, 3
),
booked as (
  select customer_id, cast(date_trunc('month', local_day(booked_at)) as date) as month, sum(amount) as margin
  from core.ledger
  where customer_id is not null and account in ('sales', 'discounts', 'returns', 'tax', 'product_cost')
  group by 1, 2
),
brought as (
  select
    followed.acquisition_channel,
    followed.cohort_month,
    -- What was brought back before the first order on record counts in its month.
    greatest(booked.month, followed.cohort_month) as month,
    sum(booked.margin) as margin
  from followed
  join booked on booked.customer_id = followed.customer_id
  group by 1, 2, 3
)
select
  every.acquisition_channel,
  every.cohort_month,
  every.months_since,
  every.customers,
  coalesce(active.customers, 0) as active_customers,
  round(cast(coalesce(active.customers, 0) as double) / every.customers, 4) as retention,
  cast(coalesce(brought.margin, 0) as decimal(18,2)) as margin,
  cast(
    round(
      sum(coalesce(brought.margin, 0)) over (
        partition by every.acquisition_channel, every.cohort_month
        order by every.months_since rows unbounded preceding
      ) / every.customers,
      2
    ) as decimal(18,2)
  ) as margin_per_customer
from every
left join active
  on active.acquisition_channel = every.acquisition_channel
  and active.cohort_month = every.cohort_month
  and active.month = every.month
left join brought
  on brought.acquisition_channel = every.acquisition_channel
  and brought.cohort_month = every.cohort_month
  and brought.month = every.month
