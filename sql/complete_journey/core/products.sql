-- Grain: one product. Purpose: what was sold, by department and category. Product ids that stand on
-- receipts but not in the catalogue (17 of them) get a row of their own, so that a join from the
-- order lines loses nothing; is_listed tells the two apart.
WITH sold_unlisted AS (
  SELECT DISTINCT t.product_id
  FROM raw.transactions AS t
  LEFT JOIN raw.products AS p ON p.product_id = t.product_id
  WHERE p.product_id IS NULL
)
SELECT
  cast(product_id AS varchar)                         AS product_id,
  coalesce(product_type, product_category, department) AS product_name,
  coalesce(product_category, 'UNKNOWN')               AS category,
  department,
  brand,
  cast(manufacturer_id AS varchar)                    AS manufacturer_id,
  package_size,
  department = 'FUEL' OR coalesce(starts_with(product_type, 'GASOLINE'), false) AS is_fuel,
  true                                                AS is_listed
FROM raw.products
UNION ALL
SELECT
  cast(product_id AS varchar), 'UNKNOWN', 'UNKNOWN', 'UNKNOWN',
  cast(NULL AS varchar), cast(NULL AS varchar), cast(NULL AS varchar), false, false
FROM sold_unlisted
