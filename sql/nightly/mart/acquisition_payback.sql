-- Grain: one row per channel by which customers came and month in which they did, from the first month whose costs are
-- known: what winning them cost, what they have brought since, and in which month that reached the cost (0 is the
-- month in which they came).
with ranked as (
  select
    customer_id,
    acquisition_channel,
    is_targeted,
    came_on,
    row_number() over (partition by customer_id order by came_on, source, record_id) as nth
  from core.acquisitions
  where customer_id is not null
),
known as (select min(day_start(month)) as since from channel.acquisition_costs),
won as (
  select
    ranked.customer_id,
    ranked.acquisition_channel,
    ranked.is_targeted,
    cast(date_trunc('month', ranked.came_on) as date) as cohort
  from ranked
  cross join known
  where ranked.nth = 1 and day_start(ranked.came_on) >= known.since
),
cohorts as (
  select acquisition_channel, cohort, bool_or(is_targeted) as is_targeted, count(*) as customers
  from won
  group by 1, 2
),
booked as (
  select
    won.acquisition_channel,
    won.cohort,
    -- What was booked before they were known to have come counts in the month in which they came.
    greatest(
      cast(
        (date_part('year', local_day(ledger.booked_at)) - date_part('year', won.cohort)) * 12
          + date_part('month', local_day(ledger.booked_at)) - date_part('month', won.cohort) as bigint
      ),
      0
    ) as age_months,
    sum(ledger.amount) as amount
  from won
  join core.ledger on ledger.customer_id = won.customer_id and ledger.account <> 'acquisition'
  group by 1, 2, 3
),
paid as (
  -- Booked in the month in which they came, independent of the linkage.
  select channel as acquisition_channel, cast(date_trunc('month', local_day(booked_at)) as date) as cohort,
    -sum(amount) as cost
  from core.ledger
  where account = 'acquisition'
  group by 1, 2
),
brought as (
  select
    acquisition_channel,
    cohort,
    age_months,
    sum(amount) over (partition by acquisition_channel, cohort order by age_months rows unbounded preceding)
      as so_far
  from booked
),
reached as (
  select
    brought.acquisition_channel,
    brought.cohort,
    min(brought.age_months) filter (where brought.so_far >= coalesce(paid.cost, 0)) as payback_month,
    max(brought.age_months) as last_month
  from brought
  left join paid on paid.acquisition_channel = brought.acquisition_channel and paid.cohort = brought.cohort
  group by 1, 2
)
select
  cohorts.acquisition_channel,
  cohorts.cohort,
  cohorts.is_targeted,
  cohorts.customers,
  cast(coalesce(paid.cost, 0) as decimal(18,2)) as cost,
  cast(round(coalesce(paid.cost, 0) / cohorts.customers, 2) as decimal(18,2)) as cost_per_customer,
  cast(coalesce(brought.so_far, 0) as decimal(18,2)) as brought,
  reached.payback_month
from cohorts
left join paid on paid.acquisition_channel = cohorts.acquisition_channel and paid.cohort = cohorts.cohort
left join reached on reached.acquisition_channel = cohorts.acquisition_channel and reached.cohort = cohorts.cohort
left join brought
  on brought.acquisition_channel = reached.acquisition_channel and brought.cohort = reached.cohort
  and brought.age_months = reached.last_month
