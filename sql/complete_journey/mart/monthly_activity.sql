-- Grain: one calendar month (New York). Purpose: is the base growing or leaking: households that
-- bought, of these the new ones and the ones back after a month without a purchase, and the ones of
-- the month before that did not come.
WITH months AS (
  SELECT DISTINCT customer_id, cast(date_trunc('month', order_day) AS date) AS month
  FROM core.orders
), money AS (
  SELECT cast(date_trunc('month', order_day) AS date) AS month, count(*) AS orders,
    cast(sum(net_amount) AS decimal(18, 2)) AS net_amount
  FROM core.orders
  GROUP BY cast(date_trunc('month', order_day) AS date)
), seen AS (
  SELECT customer_id, month,
    lag(month) OVER (PARTITION BY customer_id ORDER BY month)  AS month_before,
    lead(month) OVER (PARTITION BY customer_id ORDER BY month) AS month_after
  FROM months
), active AS (
  SELECT month,
    count(*) AS customers,
    count(*) FILTER (WHERE month_before IS NULL) AS new_customers,
    count(*) FILTER (WHERE month_before < month - INTERVAL '1 month') AS returning_customers
  FROM seen
  GROUP BY month
), absent AS (
  SELECT cast(month + INTERVAL '1 month' AS date) AS month, count(*) AS absent_customers
  FROM seen
  WHERE month_after IS NULL OR month_after > month + INTERVAL '1 month'
  GROUP BY cast(month + INTERVAL '1 month' AS date)
)
SELECT a.month, a.customers, a.new_customers, a.returning_customers,
  coalesce(x.absent_customers, 0) AS absent_customers,
  m.orders, m.net_amount
FROM active AS a
JOIN money AS m ON m.month = a.month
LEFT JOIN absent AS x ON x.month = a.month
