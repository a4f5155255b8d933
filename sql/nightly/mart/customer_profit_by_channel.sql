-- Grain: one row per customer and channel: what was sold there or cost there.
select
  customer_id,
  channel,
  cast(sum(case when account in ('sales', 'discounts', 'returns') then amount else 0 end) as decimal(18,2))
    as net_amount,
  cast(sum(case when account in ('sales', 'discounts', 'returns', 'tax', 'product_cost') then amount else 0 end)
    as decimal(18,2)) as margin,
  cast(sum(amount) as decimal(18,2)) as profit
from core.ledger
where customer_id is not null
group by 1, 2
