-- Grain: one sold line that came back, under the customer who bought it. Purpose: returns as events of
-- their own, so that a return is known from its own day and not from the day of the sale.
SELECT
  customer_sk AS customer_id,
  return_date AS returned_on,
  return_quantity
FROM core.sales
WHERE return_date IS NOT NULL AND customer_sk IS NOT NULL AND sale_date IS NOT NULL
