-- Grain: one product. Purpose: what was sold, by department and category. Product ids that stand on
-- receipts but not in the catalogue (17 of them) get a row of their own, so that a join from the
-- order lines loses nothing; is_listed tells the two apart.
with sold_unlisted as (
  select distinct lines.product_id
  from channel.basket_lines as lines
  left join channel.products on products.product_id = lines.product_id
  where products.product_id is null
)
select
  product_id,
  coalesce(product_type, product_category, department) as product_name,
  coalesce(product_category, 'UNKNOWN') as category,
  department,
  brand,
  manufacturer_id,
  package_size,
  department = 'FUEL' or coalesce(starts_with(product_type, 'GASOLINE'), false) as is_fuel,
  true as is_listed
from channel.products
union all
select product_id, 'UNKNOWN', 'UNKNOWN', 'UNKNOWN', null, null, null, false, false
from sold_unlisted
