-- Grain: one row per customer and period (`all`, and each year) in which something was booked: from sales to profit,
-- and what cost most on the way.
with booked as (
  select
    customer_id, account, is_return,
    cast(cast(date_part('year', local_day(booked_at)) as bigint) as varchar) as year,
    sum(amount) as amount
  from core.ledger
  where customer_id is not null
  group by 1, 2, 3, 4
),
entries as (
  select customer_id, account, is_return, amount, unnest(make_array('all', year)) as period from booked
),
summed as (
  select
    customer_id,
    period,
    sum(case when account = 'sales' then amount else 0 end) as sales,
    sum(case when account = 'discounts' then amount else 0 end) as discounts,
    sum(case when account = 'returns' then amount else 0 end) as returns,
    sum(case when account in ('sales', 'discounts', 'returns') then amount else 0 end) as net_amount,
    sum(case when account = 'tax' then amount else 0 end) as tax,
    sum(case when account = 'product_cost' then amount else 0 end) as product_cost,
    sum(case when account in ('sales', 'discounts', 'returns', 'tax', 'product_cost') then amount else 0 end)
      as margin,
    sum(case when account = 'delivery' then amount else 0 end) as delivery,
    sum(case when account = 'return_handling' then amount else 0 end) as return_handling,
    sum(case when account = 'contact' then amount else 0 end) as contact,
    sum(case when account = 'campaign' then amount else 0 end) as campaign,
    sum(case when account = 'reward' then amount else 0 end) as reward,
    sum(case when account = 'late_payment' then amount else 0 end) as late_payment,
    sum(case when account = 'bad_debt' then amount else 0 end) as bad_debt,
    sum(case when account = 'acquisition' then amount else 0 end) as acquisition,
    -- What goods that came back would have left, and what it cost to take them.
    sum(case when is_return then amount else 0 end) as lost_by_returns,
    sum(amount) as profit
  from entries
  group by customer_id, period
),
drivers as (
  select customer_id, period, driver, cost,
    row_number() over (partition by customer_id, period order by cost desc, driver) as nth
  from (
    select
      customer_id, period,
      unnest(make_array(
        'discounts', 'returns', 'delivery', 'contacts', 'campaigns', 'rewards', 'late payment', 'bad debts',
        'acquisition'
      )) as driver,
      unnest(make_array(
        -discounts, -lost_by_returns, -delivery, -contact, -campaign, -reward, -late_payment, -bad_debt,
        -acquisition
      )) as cost
    from summed
  ) as costs
  where cost > 0
),
named as (
  select
    customer_id,
    period,
    max(case when nth = 1 then driver end) as first_driver,
    max(case when nth = 1 then cost end) as first_driver_cost,
    max(case when nth = 2 then driver end) as second_driver,
    max(case when nth = 2 then cost end) as second_driver_cost
  from drivers
  group by customer_id, period
)
select
  summed.customer_id,
  summed.period,
  cast(summed.sales as decimal(18,2)) as sales,
  cast(summed.discounts as decimal(18,2)) as discounts,
  cast(summed.returns as decimal(18,2)) as returns,
  cast(summed.net_amount as decimal(18,2)) as net_amount,
  cast(summed.tax as decimal(18,2)) as tax,
  cast(summed.product_cost as decimal(18,2)) as product_cost,
  cast(summed.margin as decimal(18,2)) as margin,
  cast(summed.delivery as decimal(18,2)) as delivery,
  cast(summed.return_handling as decimal(18,2)) as return_handling,
  cast(summed.contact as decimal(18,2)) as contact,
  cast(summed.campaign as decimal(18,2)) as campaign,
  cast(summed.reward as decimal(18,2)) as reward,
  cast(summed.late_payment as decimal(18,2)) as late_payment,
  cast(summed.bad_debt as decimal(18,2)) as bad_debt,
  cast(summed.acquisition as decimal(18,2)) as acquisition,
  cast(summed.lost_by_returns as decimal(18,2)) as lost_by_returns,
  cast(summed.profit as decimal(18,2)) as profit,
  named.first_driver,
  cast(named.first_driver_cost as decimal(18,2)) as first_driver_cost,
  named.second_driver,
  cast(named.second_driver_cost as decimal(18,2)) as second_driver_cost
from summed
left join named on named.customer_id = summed.customer_id and named.period = summed.period
