-- Grain: one customer number. Purpose: the full picture for people: country, orders, credit notes,
-- favourite product. It remembers nothing from earlier nights, so 68 nights and one night agree.
WITH clock AS (
  SELECT cast($as_of AT TIME ZONE 'Europe/London' AS date) AS today
), purchases AS (
  SELECT
    o.customer_id,
    min(o.ordered_at)     AS first_order_at,
    max(o.ordered_at)     AS last_order_at,
    max(o.order_day)      AS last_order_day,
    count(*)              AS orders_total,
    count(*) FILTER (WHERE c.today - o.order_day <= 30) AS orders_30d,
    sum(o.lines)          AS lines_total,
    sum(o.pieces)         AS pieces_total,
    sum(o.net_amount)     AS net_total,
    sum(o.postage_amount) AS postage_total,
    coalesce(sum(o.net_amount) FILTER (WHERE c.today - o.order_day <= 30), 0) AS net_30d
  FROM core.orders AS o
  CROSS JOIN clock AS c
  WHERE o.customer_id IS NOT NULL
  GROUP BY o.customer_id
), credited AS (
  SELECT customer_id, count(*) AS credits_total, sum(net_amount) AS credit_total, max(credited_at) AS last_credit_at
  FROM core.credits
  WHERE customer_id IS NOT NULL
  GROUP BY customer_id
), by_product AS (
  SELECT customer_id, product_id, sum(net_amount) AS net_amount
  FROM core.order_lines
  WHERE customer_id IS NOT NULL AND line_kind = 'product'
  GROUP BY customer_id, product_id
), favourite AS (
  SELECT customer_id, product_id,
    row_number() OVER (PARTITION BY customer_id ORDER BY net_amount DESC, product_id) AS place,
    count(*) OVER (PARTITION BY customer_id) AS products_total
  FROM by_product
)
SELECT
  k.customer_id,
  k.country,
  k.known_since,
  p.first_order_at,
  p.last_order_at,
  t.today - p.last_order_day      AS recency_days,
  coalesce(p.orders_total, 0)     AS orders_total,
  coalesce(p.orders_30d, 0)       AS orders_30d,
  cast(coalesce(p.lines_total, 0) AS bigint)  AS lines_total,
  cast(coalesce(p.pieces_total, 0) AS bigint) AS pieces_total,
  coalesce(f.products_total, 0)   AS products_total,
  cast(coalesce(p.net_total, 0) AS decimal(18, 3))     AS net_amount_total,
  cast(coalesce(p.net_30d, 0) AS decimal(18, 3))       AS net_amount_30d,
  cast(coalesce(p.postage_total, 0) AS decimal(18, 3)) AS postage_amount_total,
  CASE WHEN p.orders_total > 0 THEN cast(p.net_total AS double) / p.orders_total END AS average_order,
  coalesce(r.credits_total, 0)    AS credits_total,
  cast(coalesce(r.credit_total, 0) AS decimal(18, 3))  AS credit_amount_total,
  r.last_credit_at,
  f.product_id                    AS favourite_product_id,
  g.product_name                  AS favourite_product
FROM core.customers AS k
CROSS JOIN clock AS t
LEFT JOIN purchases AS p ON p.customer_id = k.customer_id
LEFT JOIN credited AS r ON r.customer_id = k.customer_id
LEFT JOIN favourite AS f ON f.customer_id = k.customer_id AND f.place = 1
LEFT JOIN core.products AS g ON g.product_id = f.product_id
