-- Grain: one customer with an invoice or a credit note before $as_of. Purpose: what is known of its
-- behaviour at that instant; feeds segments and churn. Whoever only ever got a credit note bought
-- before the export begins: no orders, and recency counts from the credit note.
WITH clock AS (
  SELECT cast($as_of AT TIME ZONE 'Europe/London' AS date) AS today
), bought AS (
  SELECT
    o.customer_id,
    min(c.today - o.order_day)  AS recency_days,
    max(c.today - o.order_day)  AS tenure_days,
    count(*)                    AS orders_total,
    count(DISTINCT o.order_day) AS order_days,
    count(*) FILTER (WHERE c.today - o.order_day <= 14) AS orders_14d,
    count(*) FILTER (WHERE c.today - o.order_day <= 30) AS orders_30d,
    sum(o.lines)                AS lines_total,
    sum(o.pieces)               AS pieces_total,
    sum(o.net_amount)           AS net_total,
    coalesce(sum(o.net_amount) FILTER (WHERE c.today - o.order_day <= 30), 0) AS net_30d
  FROM core.orders AS o
  CROSS JOIN clock AS c
  WHERE o.customer_id IS NOT NULL
  GROUP BY o.customer_id
), credited AS (
  SELECT
    r.customer_id,
    min(c.today - r.credit_day) AS recency_days,
    max(c.today - r.credit_day) AS tenure_days,
    count(*)                    AS credits_total,
    sum(r.net_amount)           AS credit_total
  FROM core.credits AS r
  CROSS JOIN clock AS c
  WHERE r.customer_id IS NOT NULL
  GROUP BY r.customer_id
), chosen AS (
  SELECT customer_id, count(*) AS products_total
  FROM (
    SELECT DISTINCT customer_id, product_id
    FROM core.order_lines
    WHERE customer_id IS NOT NULL AND line_kind = 'product'
  )
  GROUP BY customer_id
)
SELECT
  coalesce(b.customer_id, r.customer_id)               AS customer_id,
  coalesce(b.recency_days, r.recency_days)             AS recency_days,
  greatest(coalesce(b.tenure_days, 0), coalesce(r.tenure_days, 0)) AS tenure_days,
  coalesce(b.orders_total, 0)                          AS orders_total,
  coalesce(b.orders_14d, 0)                            AS orders_14d,
  coalesce(b.orders_30d, 0)                            AS orders_30d,
  coalesce(p.products_total, 0)                        AS products_total,
  coalesce(b.pieces_total, 0)                          AS pieces_total,
  cast(coalesce(b.net_total, 0) AS double)             AS net_amount_total,
  cast(coalesce(b.net_30d, 0) AS double)               AS net_amount_30d,
  CASE WHEN b.orders_total > 0 THEN cast(b.net_total AS double) / b.orders_total ELSE 0.0 END AS average_order,
  CASE WHEN b.orders_total > 0 THEN cast(b.lines_total AS double) / b.orders_total ELSE 0.0 END AS lines_per_order,
  CASE WHEN b.order_days > 1
    THEN cast(b.tenure_days - b.recency_days AS double) / (b.order_days - 1)
    ELSE cast(coalesce(b.tenure_days, r.tenure_days) AS double) END AS mean_gap_days,
  coalesce(r.credits_total, 0)                         AS credits_total,
  -- The share of what was bought that was given back; at most all of it.
  CASE WHEN b.net_total > 0
    THEN least(cast(-coalesce(r.credit_total, 0) AS double) / cast(b.net_total AS double), 1.0)
    ELSE 0.0 END                                       AS credit_share
FROM bought AS b
FULL JOIN credited AS r ON r.customer_id = b.customer_id
LEFT JOIN chosen AS p ON p.customer_id = b.customer_id
