-- Grain: one row per customer, prospects included: what they were given, and whether they deserve more of it.
with given as (
  select customer_id, sum(amount) as rewards_given, count(*) as rewards
  from core.rewards
  where customer_id is not null
  group by customer_id
),
owing as (
  select customer_id, sum(amount) as owed, bool_or(written_off_on is not null) as is_written_off
  from core.invoices
  where customer_id is not null and paid_on is null and day_end(due_on) < $as_of
  group by customer_id
),
orders as (
  select customer_id, count(*) as orders
  from core.orders
  where customer_id is not null and not is_return
  group by customer_id
),
known as (
  select
    customers.customer_id,
    coalesce(orders.orders, 0) as orders,
    coalesce(profits.profit, 0) as profit,
    coalesce(profits.profit - profits.reward, 0) as profit_before_rewards,
    coalesce(given.rewards, 0) as rewards,
    coalesce(given.rewards_given, 0) as rewards_given,
    coalesce(owing.owed, 0) as owed,
    coalesce(owing.is_written_off, false) as is_written_off,
    profits.first_driver
  from core.customers
  left join orders on orders.customer_id = customers.customer_id
  left join given on given.customer_id = customers.customer_id
  left join owing on owing.customer_id = customers.customer_id
  left join mart.customer_profit as profits
    on profits.customer_id = customers.customer_id and profits.period = 'all'
)
select
  customer_id,
  cast(profit as decimal(18,2)) as profit,
  cast(profit_before_rewards as decimal(18,2)) as profit_before_rewards,
  rewards,
  cast(rewards_given as decimal(18,2)) as rewards_given,
  cast(case when profit_before_rewards <= 0 then rewards_given else 0 end as decimal(18,2)) as rewards_wasted,
  orders > 0 and owed = 0 and profit_before_rewards > 0 and profit > 0 as deserves_reward,
  case
    when orders = 0 then 'has never bought'
    when is_written_off then concat('owes ', owed, ', some of it written off')
    when owed > 0 then concat('owes ', owed, ' since it was due')
    when profit_before_rewards <= 0 then concat('cost ', -profit_before_rewards, ' more than they brought, most by ', first_driver)
    when profit <= 0 then concat('was given more than they brought: ', rewards_given, ' for ', profit_before_rewards)
    else concat('brought ', profit)
  end as deserves_reward_reason
from known
