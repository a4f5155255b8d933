-- Grain: one row per month that is over: what the portfolio of customers was worth before and after, and what moved it.
-- Both ends are summed from the order lines, on a way of their own: they tell whether the movements add up. What the
-- customers will bring is known as of tonight alone: it stands in the last month.
with lines as (
  select
    lines.customer_id,
    cast(date_trunc('month', local_day(lines.ordered_at)) as date) as ordered_in,
    lines.net_amount - lines.quantity * coalesce(products.unit_cost, 0) as margin
  from core.order_lines as lines
  left join core.products on products.product_id = lines.product_id
  where lines.customer_id is not null
),
sold as (
  select customer_id, ordered_in, sum(margin) as margin from lines group by 1, 2
),
months as (
  select cast(unnest(generate_series(first_month, last_month, interval '1 month')) as date) as month
  from (select min(month) as first_month, max(month) as last_month from mart.portfolio_movement) as span
),
-- The sales of the twelve months that end with each month.
held as (
  select months.month, sold.customer_id, sold.margin
  from months
  join sold
    on sold.ordered_in <= months.month
    and sold.ordered_in > cast(months.month - interval '12 months' as date)
),
worth as (
  select month, sum(margin) as amount from held group by 1
),
customers as (
  select month, count(*) as customers
  from (select distinct month, customer_id from held) as each_customer
  group by 1
),
moved as (
  select
    month,
    sum(customers) filter (where category = 'won') as won,
    sum(customers) filter (where category = 'returned') as returned,
    sum(customers) filter (where category = 'lost') as lost,
    cast(sum(amount) filter (where category = 'won') as decimal(15, 2)) as won_amount,
    cast(sum(amount) filter (where category = 'returned') as decimal(15, 2)) as returned_amount,
    cast(sum(amount) filter (where category = 'grown') as decimal(15, 2)) as grown_amount,
    cast(sum(amount) filter (where category = 'shrunk') as decimal(15, 2)) as shrunk_amount,
    cast(sum(amount) filter (where category = 'lost') as decimal(15, 2)) as lost_amount
  from mart.portfolio_movement
  group by 1
),
-- How far the movements by segment, cohort or channel are from those in all.
splits as (
  select month, category, dimension, sum(customers) as customers, sum(amount) as amount
  from mart.portfolio_splits
  group by 1, 2, 3
),
differences as (
  select
    movement.month,
    sum(
      abs(movement.amount - coalesce(splits.amount, 0)) + abs(movement.customers - coalesce(splits.customers, 0))
    ) as split_difference
  from mart.portfolio_movement as movement
  cross join (values ('segment'), ('cohort'), ('first_channel')) as dimensions (dimension)
  left join splits
    on splits.month = movement.month
    and splits.category = movement.category
    and splits.dimension = dimensions.dimension
  group by 1
),
last_month as (select max(month) as month from months)
select
  months.month,
  coalesce(customers_before.customers, 0) as customers_before,
  moved.won,
  moved.returned,
  moved.lost,
  coalesce(customers_after.customers, 0) as customers_after,
  cast(coalesce(worth_before.amount, 0) as decimal(15, 2)) as value_before,
  moved.won_amount,
  moved.returned_amount,
  moved.grown_amount,
  moved.shrunk_amount,
  moved.lost_amount,
  cast(coalesce(worth_after.amount, 0) as decimal(15, 2)) as value_after,
  cast(differences.split_difference as decimal(15, 2)) as split_difference,
  equity.customers as equity_customers,
  equity.equity,
  equity.equity_low,
  equity.equity_high
from months
join moved on moved.month = months.month
left join worth as worth_after on worth_after.month = months.month
left join worth as worth_before on worth_before.month = cast(months.month - interval '1 month' as date)
left join customers as customers_after on customers_after.month = months.month
left join customers as customers_before on customers_before.month = cast(months.month - interval '1 month' as date)
join differences on differences.month = months.month
left join last_month on last_month.month = months.month
left join mart.portfolio_equity as equity on equity.dimension = 'all' and last_month.month is not null
