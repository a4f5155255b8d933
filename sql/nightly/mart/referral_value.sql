-- Grain: one row per customer who recommended the shop to somebody who is known, and one, `(all)`, of all of them: who
-- came, what these have brought and will bring, and the recommender's own value with and without them. Whoever came
-- counts for one recommender, the first to name them; what they recommend in their turn counts for them alone.
-- A recommender may have been recommended, so own and referred values add up to more than there is. `value_counted_once`
-- leaves out the own value of who stands in another row as referred: over the recommenders it is the value of everybody
-- concerned, once each, which the row `(all)` takes on a way of its own.
with ranked as (
  select
    customer_id,
    referred_customer_id,
    referred_on,
    row_number() over (partition by referred_customer_id order by referred_on, customer_id) as nth
  from core.referrals
  where customer_id is not null and referred_customer_id is not null and customer_id <> referred_customer_id
),
named as (
  select
    ranked.customer_id,
    ranked.referred_customer_id,
    ranked.referred_on,
    -- Who had bought before was not won.
    coalesce(cohorts.first_order_on >= ranked.referred_on, false) as is_won
  from ranked
  left join mart.customer_cohorts as cohorts on cohorts.customer_id = ranked.referred_customer_id
  where ranked.nth = 1
),
promised as (
  select customer_id, cast(value as decimal(18,2)) as value from mart.customer_value
),
booked as (
  select
    named.referred_customer_id,
    coalesce(
      sum(ledger.amount) filter (where ledger.account in ('sales', 'discounts', 'returns', 'tax', 'product_cost')), 0
    ) as margin,
    sum(ledger.amount) as profit
  from named
  join core.ledger on ledger.customer_id = named.referred_customer_id
  where named.is_won and ledger.booked_at >= day_start(named.referred_on)
  group by 1
),
summed as (
  select
    named.customer_id,
    count(*) as recommended,
    count(*) filter (where named.is_won) as customers_won,
    sum(coalesce(booked.margin, 0)) as referred_margin,
    sum(coalesce(booked.profit, 0)) as referred_profit,
    coalesce(sum(promised.value) filter (where named.is_won), 0) as referred_value
  from named
  left join booked on booked.referred_customer_id = named.referred_customer_id
  left join promised on promised.customer_id = named.referred_customer_id
  group by 1
),
recommenders as (
  select
    summed.*,
    won.referred_customer_id is not null as is_referred,
    coalesce(promised.value, 0) as own_value
  from summed
  left join promised on promised.customer_id = summed.customer_id
  left join named as won on won.referred_customer_id = summed.customer_id and won.is_won
),
concerned as (
  select customer_id from named
  union
  select referred_customer_id from named where is_won
),
once as (
  select coalesce(sum(promised.value), 0) as value
  from concerned
  left join promised on promised.customer_id = concerned.customer_id
),
all_of_them as (
  select
    count(*) as recommenders,
    sum(recommended) as recommended,
    sum(customers_won) as customers_won,
    sum(referred_margin) as referred_margin,
    sum(referred_profit) as referred_profit,
    sum(referred_value) as referred_value,
    sum(own_value) as own_value
  from recommenders
),
lines as (
  select
    customer_id, is_referred, recommended, customers_won, referred_margin, referred_profit, own_value, referred_value,
    own_value + referred_value as value_with_referrals,
    case when is_referred then 0 else own_value end + referred_value as value_counted_once
  from recommenders
  union all
  select
    '(all)', null, recommended, customers_won, referred_margin, referred_profit, own_value, referred_value,
    once.value as value_with_referrals, once.value as value_counted_once
  from all_of_them
  cross join once
  where recommenders > 0
)
select
  customer_id,
  is_referred,
  cast(recommended as bigint) as recommended,
  cast(customers_won as bigint) as customers_won,
  cast(referred_margin as decimal(18,2)) as referred_margin,
  cast(referred_profit as decimal(18,2)) as referred_profit,
  cast(own_value as decimal(18,2)) as own_value,
  cast(referred_value as decimal(18,2)) as referred_value,
  cast(value_with_referrals as decimal(18,2)) as value_with_referrals,
  cast(value_counted_once as decimal(18,2)) as value_counted_once
from lines
