-- Grain: one row per month and product: quantity sold, margin, and the number of known customers.
with sales as (
  select
    cast(date_trunc('month', local_day(ordered_at)) as date) as month,
    product_id,
    sum(quantity) as quantity,
    sum(net_amount) as net_amount,
    count(distinct customer_id) as customers
  from core.order_lines
  group by 1, 2
),
margins as (
  select cast(date_trunc('month', local_day(booked_at)) as date) as month, product_id, sum(amount) as margin
  from core.ledger
  where account in ('sales', 'discounts', 'returns', 'tax', 'product_cost') and channel in ('shop', 'web')
  group by 1, 2
)
select
  sales.month,
  sales.product_id,
  products.label,
  products.category,
  sales.quantity,
  sales.net_amount,
  cast(coalesce(margins.margin, 0) as decimal(18,2)) as margin,
  sales.customers
from sales
left join core.products on products.product_id = sales.product_id
left join margins on margins.month = sales.month and margins.product_id = sales.product_id
