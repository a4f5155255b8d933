-- Grain: one row per dimension and its value: customer equity, what the customers are to bring within the horizon of
-- mart.customer_value, in all, by what they did lately, by segment, by quarter and channel of the first order, and by
-- the channel by which they came.
-- Intervals of customers do not add up: summed, their bounds would take everybody to be unlucky at once. Variances do:
-- that of a sum is what chance leaves open for each, plus how far vintages of past cut-offs lay from what was promised
-- beyond chance, which all have in common and which does not shrink with numbers (as in core.forecasts).
with promised as (
  select
    scores.customer_id,
    cast(scores.value as decimal(18,2)) as value,
    cast(scores.cost_to_serve as decimal(18,2)) as cost_to_serve,
    cast(scores.value as decimal(18,2)) + cast(scores.cost_to_serve as decimal(18,2)) as margin,
    -- Discounted as the margin is.
    case
      when scores.expected_margin > 0.0 then
        cast(
          power(scores.margin_sd * (scores.value + scores.cost_to_serve) / scores.expected_margin, 2.0) as decimal(28,6)
        )
      else 0
    end as variance,
    case
      when scores.purchases = 0 then 'never bought'
      when scores.days_since_purchase < 365 then 'bought in the last 365 days'
      else 'bought before'
    end as standing,
    coalesce(customers.segment_name, '(none)') as segment_name,
    coalesce(customers.cohort, '(none)') as cohort,
    coalesce(customers.first_channel, '(none)') as first_channel,
    coalesce(costs.acquisition_channel, 'unknown') as acquisition_channel
  from mart.customer_value as scores
  left join mart.dim_customer as customers on customers.customer_id = scores.customer_id
  left join mart.customer_costs as costs on costs.customer_id = scores.customer_id
  where scores.value is not null
),
split as (
  select
    value, cost_to_serve, margin, variance,
    unnest(make_array('all', 'standing', 'segment', 'cohort', 'first_channel', 'acquisition_channel')) as dimension,
    unnest(make_array('all', standing, segment_name, cohort, first_channel, acquisition_channel)) as dimension_value
  from promised
),
summed as (
  select
    dimension,
    dimension_value,
    count(*) as customers,
    sum(value) as equity,
    sum(cost_to_serve) as cost_to_serve,
    sum(margin) as margin,
    cast(sum(margin) as double) as margin_sum,
    cast(sum(variance) as double) as variance
  from split
  group by 1, 2
),
-- Vintages of fewer than thirty customers say nothing of the model.
vintages as (
  select
    cast(
      power((actual_margin - expected_margin) / expected_margin, 2.0)
        - power((margin_high - margin_low) / 2.0 / 1.959964 / expected_margin, 2.0) as decimal(28,12)
    ) as squared_error
  from mart.customer_value_accuracy
  where slice = 'vintage' and customers >= 30 and expected_margin > 0.0
),
errors as (
  select coalesce(greatest(cast(sum(squared_error) as double) / nullif(count(*), 0), 0.0), 0.0) as squared_error
  from vintages
)
select
  summed.dimension,
  summed.dimension_value,
  summed.customers,
  cast(summed.margin as decimal(18,2)) as margin,
  cast(summed.cost_to_serve as decimal(18,2)) as cost_to_serve,
  cast(summed.equity as decimal(18,2)) as equity,
  cast(
    round(
      cast(summed.equity as double)
        - 1.281552 * sqrt(summed.variance + summed.margin_sum * summed.margin_sum * errors.squared_error),
      2
    ) as decimal(18,2)
  ) as equity_low,
  cast(
    round(
      cast(summed.equity as double)
        + 1.281552 * sqrt(summed.variance + summed.margin_sum * summed.margin_sum * errors.squared_error),
      2
    ) as decimal(18,2)
  ) as equity_high,
  cast(round(summed.equity / summed.customers, 2) as decimal(18,2)) as equity_per_customer
from summed
cross join errors
