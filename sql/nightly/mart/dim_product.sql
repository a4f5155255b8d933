-- Grain: one row per product of the catalogue, and one per product that was sold and is not in it.
select
  product_id,
  label,
  category,
  cast(price as decimal(12, 2)) as price,
  cast(unit_cost as decimal(12, 2)) as unit_cost,
  true as is_in_catalogue
from core.products
union all
select product_id, '(unknown)', '(unknown)', null, null, false
from (select distinct product_id from core.order_lines where product_id is not null) as sold
where product_id not in (select product_id from core.products)
