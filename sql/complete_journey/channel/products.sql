-- Grain: one product of the catalogue.
select
  cast(product_id as varchar) as product_id,
  product_type,
  product_category,
  department,
  brand,
  cast(manufacturer_id as varchar) as manufacturer_id,
  package_size
from raw.products
