-- Grain: one customer with an order before $as_of. Purpose: the features of the benchmark. The last
-- day that counts is the day before $as_of; sums are decimal and integer, floats come last.
WITH clock AS (
  SELECT cast($as_of AS date) - 1 AS last_day
), bought AS (
  SELECT
    customer_id,
    max(ordered_on) AS last_on,
    min(ordered_on) AS first_on,
    count(*)                      AS n_orders,
    cast(coalesce(sum(net_paid), 0) AS double)   AS paid,
    cast(coalesce(sum(net_profit), 0) AS double) AS profit,
    coalesce(sum(quantity), 0)    AS quantity,
    sum(lines)                    AS lines,
    sum(coupon_lines)             AS coupon_lines,
    sum(promo_lines)              AS promo_lines,
    count(*) FILTER (WHERE channel = 'store')   AS of_store,
    count(*) FILTER (WHERE channel = 'catalog') AS of_catalog,
    count(*) FILTER (WHERE channel = 'web')     AS of_web
  FROM core.orders
  GROUP BY customer_id
), brought_back AS (
  SELECT customer_id, sum(return_quantity) AS return_quantity
  FROM core.order_returns
  GROUP BY customer_id
), categories AS (
  SELECT customer_id, count(*) AS n_categories
  FROM core.customer_categories
  GROUP BY customer_id
)
SELECT
  b.customer_id,
  c.last_day - b.last_on             AS recency_days,
  b.n_orders,
  b.paid                             AS monetary,
  b.profit                           AS net_profit,
  b.paid / b.n_orders                AS avg_basket,
  c.last_day - b.first_on            AS tenure_days,
  CASE WHEN b.n_orders > 1
    THEN cast(b.last_on - b.first_on AS double) / (b.n_orders - 1)
    ELSE cast(c.last_day - b.first_on AS double) END AS mean_gap_days,
  cast(b.of_store AS double) / b.n_orders     AS share_store,
  cast(b.of_catalog AS double) / b.n_orders   AS share_catalog,
  cast(b.of_web AS double) / b.n_orders       AS share_web,
  CASE WHEN b.quantity > 0
    THEN cast(coalesce(r.return_quantity, 0) AS double) / b.quantity ELSE 0.0 END AS return_rate,
  cast(b.coupon_lines AS double) / b.lines    AS coupon_share,
  cast(b.promo_lines AS double) / b.lines     AS promo_share,
  coalesce(k.n_categories, 0)        AS n_categories,
  b.quantity
FROM bought AS b
CROSS JOIN clock AS c
LEFT JOIN brought_back AS r ON r.customer_id = b.customer_id
LEFT JOIN categories AS k ON k.customer_id = b.customer_id
