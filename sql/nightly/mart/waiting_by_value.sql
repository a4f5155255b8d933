-- Grain: one row per period (`all`, `last 365 days`) and tenth of the customers who have bought, 1 for those who will
-- bring most: how long they waited on the telephone, whether they were answered, and how often they had to call. The
-- order is that of the margin to come before the cost to serve: calls themselves move nobody down.
with ranked as (
  select
    customer_id,
    cast(ntile(10) over (order by expected_margin desc nulls last, customer_id) as varchar) as value_decile
  from mart.customer_value
  where purchases > 0
  union all
  -- Without a model nobody has a place.
  select customer_id, case when purchases = 0 then 'never bought' else 'unknown' end
  from mart.customer_value
  where purchases = 0 or purchases is null
),
called as (
  select calls.*, coalesce(ranked.value_decile, 'unknown') as value_decile
  from core.calls as calls
  left join ranked on ranked.customer_id = calls.customer_id
),
periods as (
  select
    *,
    unnest(
      case
        when started_at + interval '365 days' >= $as_of then make_array('all', 'last 365 days')
        else make_array('all')
      end
    ) as period
  from called
),
placed as (
  select
    *,
    row_number() over (partition by period, value_decile order by waited_s, call_id) as nth,
    count(waited_s) over (partition by period, value_decile) as waits
  from periods
),
counted as (
  select
    period,
    value_decile,
    count(*) as calls,
    sum(waited_s) as waited_s,
    max(waits) as waits,
    min(waited_s) filter (where nth * 2 >= waits) as waited_s_median,
    min(waited_s) filter (where nth * 10 >= waits * 9) as waited_s_p90,
    count(*) filter (where waited_s > 180) as waited_over_3_min,
    count(*) filter (where is_resolved) as resolved,
    count(is_resolved) as judged,
    count(*) filter (where opens_issue) as issues,
    count(*) filter (where closes_issue and is_resolved) as issues_resolved,
    count(satisfaction) as answers,
    sum(satisfaction) as satisfaction
  from placed
  group by 1, 2
),
callers as (
  select period, value_decile, count(*) as callers
  from (select distinct period, value_decile, customer_id from periods where customer_id is not null) as each_caller
  group by 1, 2
),
every as (
  select spans.period, deciles.value_decile, deciles.customers
  from (values ('all'), ('last 365 days')) as spans (period)
  cross join (
    select value_decile, sum(customers) as customers
    from (
      select value_decile, 1 as customers from ranked
      union all
      select * from (values ('never bought', 0), ('unknown', 0)) as always (value_decile, customers)
    ) as each_decile
    group by 1
  ) as deciles
)
select
  every.period,
  every.value_decile,
  every.customers,
  coalesce(callers.callers, 0) as callers,
  coalesce(counted.calls, 0) as calls,
  cast(coalesce(counted.waited_s, 0) as bigint) as waited_s,
  round(cast(counted.waited_s as double) / nullif(counted.waits, 0), 1) as waited_s_mean,
  counted.waited_s_median,
  counted.waited_s_p90,
  round(cast(counted.waited_over_3_min as double) / nullif(counted.waits, 0), 4) as share_waited_over_3_min,
  coalesce(counted.resolved, 0) as resolved_calls,
  round(cast(counted.resolved as double) / nullif(counted.judged, 0), 4) as share_resolved,
  coalesce(counted.issues, 0) as issues,
  round(cast(counted.issues_resolved as double) / nullif(counted.issues, 0), 4) as share_issues_resolved,
  round(cast(counted.calls as double) / nullif(counted.issues, 0), 4) as calls_per_issue,
  coalesce(counted.answers, 0) as satisfaction_answers,
  round(cast(counted.satisfaction as double) / nullif(counted.answers, 0), 2) as satisfaction_mean
from every
left join counted on counted.period = every.period and counted.value_decile = every.value_decile
left join callers on callers.period = every.period and callers.value_decile = every.value_decile
