-- Grain: one row per customer and product line: what its goods leave. What belongs to no line is under `none`.
select
  customer_id,
  coalesce(product_line, 'none') as product_line,
  cast(sum(case when account in ('sales', 'discounts', 'returns') then amount else 0 end) as decimal(18,2))
    as net_amount,
  cast(sum(case when account = 'product_cost' then amount else 0 end) as decimal(18,2)) as product_cost,
  cast(sum(amount) as decimal(18,2)) as profit
from core.ledger
where customer_id is not null
group by 1, 2
