-- Grain: one row per customer and category: its part of what the customer spent in the last 365 days.
with spent as (
  select lines.customer_id, products.category, sum(lines.net_amount) as net_amount
  from core.order_lines as lines
  join core.products on products.product_id = lines.product_id
  where lines.customer_id is not null and lines.ordered_at + interval '365 days' >= $as_of
  group by lines.customer_id, products.category
),
bought as (
  -- What was wholly brought back is no part of anything.
  select *, sum(net_amount) over (partition by customer_id) as of_customer from spent where net_amount > 0
)
select
  customer_id,
  category,
  cast(net_amount as decimal(15,2)) as net_amount,
  cast(net_amount / of_customer as decimal(7,4)) as share
from bought
