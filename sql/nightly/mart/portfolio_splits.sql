-- Grain: one row per month, category, dimension and its value: the portfolio's movement by tonight's segment, by the
-- quarter and by the channel of the first order.
with moved as (
  select
    movements.month,
    movements.category,
    movements.amount,
    customers.segment_name,
    customers.cohort,
    customers.first_channel
  from mart.customer_movements as movements
  join mart.dim_customer as customers on customers.customer_id = movements.customer_id
  where movements.category <> 'unchanged'
),
split as (
  select month, category, 'segment' as dimension, segment_name as dimension_value, amount from moved
  union all
  select month, category, 'cohort', cohort, amount from moved
  union all
  select month, category, 'first_channel', first_channel, amount from moved
)
select
  month,
  category,
  dimension,
  dimension_value,
  count(*) as customers,
  cast(sum(amount) as decimal(15, 2)) as amount
from split
group by 1, 2, 3, 4
