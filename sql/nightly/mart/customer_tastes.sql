-- Grain: one row per customer who has bought something or named an interest: the categories they spend most
-- on, and the interests that they never bought anything of.
with
spent as (
  select lines.customer_id, products.category, lines.net_amount, 1 as bought, 0 as named
  from core.order_lines as lines
  join core.products on products.product_id = lines.product_id
  where lines.customer_id is not null
),
interests as (
  select customer_id, trim(unnest(string_to_array(interests, ','))) as category
  from core.customers
  where interests is not null
),
tastes as (
  select customer_id, category, sum(net_amount) as net_amount, max(bought) as bought, max(named) as named
  from (
    select * from spent
    union all
    select customer_id, category, 0, 0, 1 from interests
  ) as bought_or_named
  where category <> ''
  group by customer_id, category
),
ranked as (
  select
    *,
    net_amount > 0 as is_liked,
    max(bought) over (partition by customer_id) as has_bought,
    row_number() over (partition by customer_id order by net_amount desc, category) as nth
  from tastes
)
select
  customer_id,
  max(category) filter (where nth = 1 and is_liked) as favourite_category,
  string_agg(category, ', ' order by nth) filter (where nth <= 3 and is_liked) as favourite_categories,
  -- Who has bought nothing at all has not contradicted themselves.
  string_agg(category, ', ' order by nth) filter (where named = 1 and bought = 0 and has_bought = 1)
    as interests_never_bought
from ranked
group by customer_id
