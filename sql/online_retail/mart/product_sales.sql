-- Grain: one product that was sold. Purpose: the assortment by money, pieces and reach.
WITH sold AS (
  SELECT product_id,
    count(DISTINCT order_id)                AS orders,
    count(DISTINCT customer_id)             AS customers,
    sum(quantity)                           AS pieces,
    cast(sum(net_amount) AS decimal(18, 3)) AS net_amount,
    min(order_day)                          AS first_sold_on,
    max(order_day)                          AS last_sold_on
  FROM core.order_lines
  WHERE line_kind IN ('product', 'voucher')
  GROUP BY product_id
)
SELECT s.product_id, p.product_name, p.kind, s.orders, s.customers, s.pieces, s.net_amount,
  s.first_sold_on, s.last_sold_on
FROM sold AS s
JOIN core.products AS p ON p.product_id = s.product_id
