-- Grain: one customer number. Purpose: the full picture for people: country, orders, credit notes,
-- favourite product. It remembers nothing from earlier nights, so 68 nights and one night agree.
with placed as (
  select *, local_day($as_of) - order_day as days_ago
  from core.orders
  where customer_id is not null
),
bought as (
  select
    customer_id,
    min(ordered_at) as first_order_at,
    max(ordered_at) as last_order_at,
    min(days_ago) as recency_days,
    count(*) as orders_total,
    count(*) filter (where days_ago <= 30) as orders_30d,
    sum(lines) as lines_total,
    sum(pieces) as pieces_total,
    sum(net_amount) as net_amount_total,
    coalesce(sum(net_amount) filter (where days_ago <= 30), 0) as net_amount_30d,
    sum(postage_amount) as postage_amount_total
  from placed
  group by customer_id
),
credited as (
  select
    customer_id,
    count(*) as credits_total,
    sum(net_amount) as credit_amount_total,
    max(credited_at) as last_credit_at
  from core.credits
  where customer_id is not null
  group by customer_id
),
by_product as (
  select customer_id, product_id, sum(net_amount) as net_amount
  from core.order_lines
  where customer_id is not null and line_kind = 'product'
  group by customer_id, product_id
),
favourites as (
  select
    customer_id,
    product_id,
    row_number() over (partition by customer_id order by net_amount desc, product_id) as place,
    count(*) over (partition by customer_id) as products_total
  from by_product
)
select
  customers.customer_id,
  customers.country,
  customers.known_since,
  bought.first_order_at,
  bought.last_order_at,
  bought.recency_days,
  coalesce(bought.orders_total, 0) as orders_total,
  coalesce(bought.orders_30d, 0) as orders_30d,
  cast(coalesce(bought.lines_total, 0) as bigint) as lines_total,
  cast(coalesce(bought.pieces_total, 0) as bigint) as pieces_total,
  coalesce(favourites.products_total, 0) as products_total,
  cast(coalesce(bought.net_amount_total, 0) as decimal(18, 3)) as net_amount_total,
  cast(coalesce(bought.net_amount_30d, 0) as decimal(18, 3)) as net_amount_30d,
  cast(coalesce(bought.postage_amount_total, 0) as decimal(18, 3)) as postage_amount_total,
  cast(bought.net_amount_total as double) / bought.orders_total as average_order,
  coalesce(credited.credits_total, 0) as credits_total,
  cast(coalesce(credited.credit_amount_total, 0) as decimal(18, 3)) as credit_amount_total,
  credited.last_credit_at,
  favourites.product_id as favourite_product_id,
  products.product_name as favourite_product
from core.customers
left join bought on bought.customer_id = customers.customer_id
left join credited on credited.customer_id = customers.customer_id
left join favourites on favourites.customer_id = customers.customer_id and favourites.place = 1
left join core.products on products.product_id = favourites.product_id
