-- Grain: one country. Purpose: where the shop's orders and credit notes come from.
SELECT
  country,
  count(*) FILTER (WHERE kind = 'sale')   AS orders,
  count(*) FILTER (WHERE kind = 'credit') AS credit_notes,
  count(DISTINCT customer_id)             AS customers,
  cast(coalesce(sum(net_amount) FILTER (WHERE kind = 'sale'), 0) AS decimal(18, 3))   AS sold_amount,
  cast(coalesce(sum(net_amount) FILTER (WHERE kind = 'credit'), 0) AS decimal(18, 3)) AS credited_amount
FROM channel.invoices
GROUP BY country
