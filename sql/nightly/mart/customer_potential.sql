-- Grain: one row per customer who has bought: what they spend in a year, what comparable customers spend who spend much,
-- and the gap. Peers began alike and have been customers for about as long.
with spent as (
  select customer_id, sum(net_amount) as net_amount_365d
  from core.orders
  where customer_id is not null and ordered_at + interval '365 days' >= $as_of
  group by customer_id
),
customers as (
  select
    costs.customer_id,
    concat(
      costs.beginning,
      case
        when features.tenure_days < 91 then ', a customer for less than a quarter'
        when features.tenure_days < 365 then ', a customer for less than a year'
        else ', a customer for longer'
      end
    ) as peers,
    greatest(coalesce(spent.net_amount_365d, 0), 0) as present
  from mart.customer_costs as costs
  join mart.customer_features as features on features.customer_id = costs.customer_id
  left join spent on spent.customer_id = costs.customer_id
  where features.orders_total > 0
),
placed as (
  select
    *,
    count(*) over (partition by peers) as customers_of_peers,
    cume_dist() over (partition by peers order by present) as place
  from customers
),
reached as (
  -- What nine in ten peers do not exceed, and half of them.
  select
    peers,
    min(case when place >= 0.9 then present end) as potential,
    min(case when place >= 0.5 then present end) as median
  from placed
  group by peers
),
gaps as (
  select
    placed.customer_id,
    placed.peers,
    placed.customers_of_peers,
    placed.present,
    reached.median as peers_median,
    greatest(reached.potential, placed.present) as potential,
    greatest(reached.potential - placed.present, 0) as gap
  from placed
  join reached on reached.peers = placed.peers
),
ranked as (
  select
    gaps.*,
    scores.value,
    cume_dist() over (order by present) as present_rank,
    cume_dist() over (order by scores.value) as value_rank
  from gaps
  left join mart.customer_value as scores on scores.customer_id = gaps.customer_id
)
select
  customer_id,
  peers,
  customers_of_peers,
  cast(present as decimal(15,2)) as present,
  cast(peers_median as decimal(15,2)) as peers_median,
  cast(potential as decimal(15,2)) as potential,
  cast(gap as decimal(15,2)) as gap,
  case
    when value is null then 'not known'
    when present_rank <= 0.5 and value_rank > 0.7 then 'small today, large tomorrow'
    when present_rank > 0.8 and value_rank <= 0.5 then 'large yesterday'
    when value_rank > 0.8 then 'large'
    when value_rank > 0.4 then 'middling'
    else 'small'
  end as outlook
from ranked
