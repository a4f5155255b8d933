-- Grain: one row per month and category of movement, between what the portfolio was worth before and after. In the
-- first twelve months on record nobody can be lost yet, and who bought before looks new.
with moved as (
  select month, category, count(*) as customers, sum(amount) as amount
  from mart.customer_movements
  group by 1, 2
),
months as (
  select cast(unnest(generate_series(first_month, last_month, interval '1 month')) as date) as month
  from (select min(month) as first_month, max(month) as last_month from moved) as span
),
-- Every category of every month, so that a month without losses says 0.
every as (
  select months.month, categories.category
  from months
  cross join (values ('won'), ('returned'), ('grown'), ('shrunk'), ('lost')) as categories (category)
),
last_month as (select max(month) as month from months),
-- What those who moved in the last month will bring: values are tonight's, and were others before.
promised as (
  select
    movements.month,
    movements.category,
    cast(sum(cast(scores.value as decimal(18,2))) as decimal(18,2)) as equity
  from mart.customer_movements as movements
  join last_month on last_month.month = movements.month
  join mart.customer_value as scores on scores.customer_id = movements.customer_id
  group by 1, 2
)
select
  every.month,
  every.category,
  coalesce(moved.customers, 0) as customers,
  cast(coalesce(moved.amount, 0) as decimal(15, 2)) as amount,
  promised.equity
from every
left join moved on moved.month = every.month and moved.category = every.category
left join promised on promised.month = every.month and promised.category = every.category
