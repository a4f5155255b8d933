-- Grain: one row per customer who has bought and cost more than they brought: what makes them so, and the smallest
-- change of one driver, to what is usual among all who have bought, that would bring them to zero.
with bought as (
  select
    profits.*,
    orders.orders,
    -- What was sold, before anything came back: what most drivers are measured by.
    profits.sales + profits.discounts as sold,
    -- What a euro of sales leaves when its taxes are paid.
    profits.net_amount + profits.tax as net_of_tax
  from mart.customer_profit as profits
  join (
    select customer_id, count(*) as orders
    from core.orders
    where customer_id is not null and not is_return
    group by customer_id
  ) as orders on orders.customer_id = profits.customer_id
  where profits.period = 'all'
),
usual as (
  select
    cast(sum(orders) as bigint) as orders,
    count(*) as customers,
    sum(sales) as sales,
    sum(sold) as sold,
    sum(net_amount) as net_amount,
    sum(net_of_tax) as net_of_tax,
    sum(discounts) as discounts,
    sum(lost_by_returns) as lost_by_returns,
    sum(delivery) as delivery,
    sum(contact) as contact,
    sum(campaign) as campaign,
    sum(reward) as reward,
    sum(late_payment + bad_debt) as payment,
    sum(acquisition) as acquisition
  from bought
),
changes as (
  select
    bought.customer_id,
    bought.profit,
    unnest(make_array(
      'returns', 'discounts', 'delivery', 'contacts', 'campaigns', 'rewards', 'payment', 'acquisition'
    )) as driver,
    unnest(make_array(
      usual.lost_by_returns * bought.sold / usual.sold - bought.lost_by_returns,
      -- A discount is given on a price with taxes.
      (usual.discounts * bought.sales / usual.sales - bought.discounts) * usual.net_of_tax / usual.net_amount,
      usual.delivery * bought.orders / usual.orders - bought.delivery,
      usual.contact * bought.orders / usual.orders - bought.contact,
      usual.campaign / usual.customers - bought.campaign,
      usual.reward * bought.sold / usual.sold - bought.reward,
      usual.payment * bought.sold / usual.sold - bought.late_payment - bought.bad_debt,
      usual.acquisition / usual.customers - bought.acquisition
    )) as gain
  from bought
  cross join usual
  where bought.profit < 0
),
rounded as (
  select customer_id, profit, driver, cast(round(gain, 2) as decimal(18,2)) as gain from changes
),
ranked as (
  select
    customer_id, driver, gain, gain + profit >= 0 as is_enough,
    -- Of those that are enough the smallest, else the largest.
    row_number() over (
      partition by customer_id
      order by gain + profit >= 0 desc, case when gain + profit >= 0 then gain else -gain end, driver
    ) as nth,
    row_number() over (partition by customer_id order by gain desc, driver) as by_gain
  from rounded
),
chosen as (
  select
    customer_id,
    max(case when by_gain = 1 then driver end) as driver,
    max(case when by_gain = 1 then gain end) as driver_excess,
    max(case when nth = 1 then driver end) as change_of,
    max(case when nth = 1 then gain end) as change_gain,
    bool_or(is_enough) as one_change_is_enough
  from ranked
  group by customer_id
)
select
  bought.customer_id,
  bought.profit,
  bought.net_amount,
  bought.margin,
  bought.orders,
  chosen.driver,
  chosen.driver_excess,
  chosen.one_change_is_enough,
  chosen.change_of,
  chosen.change_gain,
  concat(
    case chosen.change_of
      when 'returns' then 'returns at the average rate: +'
      when 'discounts' then 'discounts at the average rate: +'
      when 'delivery' then 'parcels as for the average order: +'
      when 'contacts' then 'calls and mails as for the average order: +'
      when 'campaigns' then 'letters as to the average customer: +'
      when 'rewards' then 'rewards at the average rate: +'
      when 'payment' then 'invoices paid as on average: +'
      when 'acquisition' then 'won at the average cost: +'
    end,
    chosen.change_gain,
    case when chosen.one_change_is_enough then '' else concat(', which is not enough: ', bought.profit + chosen.change_gain) end
  ) as what_would_turn_them
from bought
join chosen on chosen.customer_id = bought.customer_id
where bought.profit < 0
