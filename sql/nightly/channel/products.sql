-- Grain: one row per product of the catalogue.
select product_id, label, category, price, unit_cost
from raw.products
