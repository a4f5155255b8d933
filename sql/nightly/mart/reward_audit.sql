-- Grain: one row per programme: what was given, and how much of it to customers who never brought a profit. A discount
-- is a programme too, at what it took off prices.
with given as (
  select 'reward' as kind, programme, customer_id, count(*) as pieces, sum(amount) as amount
  from core.rewards
  group by 1, 2, 3
  union all
  select 'discount', 'discounts', customer_id, count(*), sum(-amount)
  from core.ledger
  where account = 'discounts'
  group by 3
),
judged as (
  select
    given.*,
    eligible.profit_before_rewards,
    coalesce(eligible.profit_before_rewards <= 0, false) as without_profit
  from given
  left join mart.reward_eligibility as eligible on eligible.customer_id = given.customer_id
)
select
  kind,
  programme,
  cast(sum(pieces) as bigint) as pieces,
  count(customer_id) as customers,
  cast(sum(amount) as decimal(18,2)) as amount,
  count(customer_id) filter (where without_profit) as customers_without_profit,
  cast(coalesce(sum(amount) filter (where without_profit), 0) as decimal(18,2)) as amount_without_profit,
  cast(coalesce(sum(amount) filter (where customer_id is null), 0) as decimal(18,2)) as amount_to_unknown,
  round(
    cast(coalesce(sum(amount) filter (where without_profit), 0) as double) / cast(sum(amount) as double), 4
  ) as share_without_profit
from judged
group by kind, programme
