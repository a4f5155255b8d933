-- Grain: one household that had bought before $as_of. Purpose: what is known of its behaviour at that
-- instant; feeds segments and churn. Counts and money are summed as integers and decimals, ratios
-- come last. Days are New York's; a window of n days ends with the day before $as_of.
WITH clock AS (
  SELECT cast($as_of AT TIME ZONE 'America/New_York' AS date) AS today
), visits AS (
  SELECT
    o.customer_id,
    o.order_id,
    o.order_day,
    o.store_id,
    o.departments,
    o.pieces,
    o.net_amount,
    o.fuel_amount,
    o.loyalty_discount,
    o.coupon_discount,
    c.today - o.order_day AS days_ago
  FROM core.orders AS o
  CROSS JOIN clock AS c
), bought AS (
  SELECT
    customer_id,
    min(days_ago)                                        AS recency_days,
    max(days_ago)                                        AS tenure_days,
    count(*)                                             AS orders_total,
    count(DISTINCT order_day)                            AS visit_days,
    count(DISTINCT order_day) FILTER (WHERE days_ago <= 14)  AS visit_days_14d,
    count(DISTINCT order_day) FILTER (WHERE days_ago <= 30)  AS visit_days_30d,
    count(DISTINCT order_day) FILTER (WHERE days_ago <= 60)  AS visit_days_60d,
    count(DISTINCT order_day) FILTER (WHERE days_ago <= 90)  AS visit_days_90d,
    count(DISTINCT order_day) FILTER (WHERE days_ago <= 180) AS visit_days_180d,
    count(*) FILTER (WHERE days_ago <= 90)               AS orders_90d,
    count(DISTINCT (days_ago - 1) / 7) FILTER (WHERE days_ago <= 91) AS active_weeks_13w,
    count(DISTINCT store_id) FILTER (WHERE days_ago <= 90)   AS stores_90d,
    coalesce(sum(departments) FILTER (WHERE days_ago <= 90), 0) AS departments_90d,
    coalesce(sum(pieces) FILTER (WHERE days_ago <= 90), 0)   AS pieces_90d,
    sum(net_amount)                                      AS net_total,
    coalesce(sum(net_amount) FILTER (WHERE days_ago <= 30), 0)  AS net_30d,
    coalesce(sum(net_amount) FILTER (WHERE days_ago <= 90), 0)  AS net_90d,
    coalesce(sum(fuel_amount) FILTER (WHERE days_ago <= 90), 0) AS fuel_90d,
    coalesce(sum(loyalty_discount) FILTER (WHERE days_ago <= 90), 0) AS loyalty_discount_90d,
    coalesce(sum(coupon_discount) FILTER (WHERE days_ago <= 90), 0)  AS coupon_discount_90d
  FROM visits
  GROUP BY customer_id
), redeemed AS (
  SELECT r.customer_id, count(*) AS redemptions
  FROM core.coupon_redemptions AS r
  GROUP BY r.customer_id
), mailed AS (
  SELECT m.customer_id, count(*) AS mailings
  FROM core.contacts AS m
  GROUP BY m.customer_id
)
SELECT
  b.customer_id,
  b.recency_days,
  b.tenure_days,
  b.orders_total,
  b.visit_days,
  b.visit_days_14d,
  b.visit_days_30d,
  b.visit_days_60d,
  b.visit_days_90d,
  b.visit_days_180d,
  b.orders_90d,
  b.active_weeks_13w,
  b.stores_90d,
  b.pieces_90d,
  cast(b.net_total AS double)  AS net_amount_total,
  cast(b.net_30d AS double)    AS net_amount_30d,
  cast(b.net_90d AS double)    AS net_amount_90d,
  CASE WHEN b.orders_90d > 0 THEN cast(b.net_90d AS double) / b.orders_90d ELSE 0.0 END AS average_basket_90d,
  CASE WHEN b.orders_90d > 0 THEN cast(b.departments_90d AS double) / b.orders_90d ELSE 0.0 END AS departments_per_order_90d,
  CASE WHEN b.net_90d > 0 THEN cast(b.fuel_90d AS double) / cast(b.net_90d AS double) ELSE 0.0 END AS fuel_share_90d,
  CASE WHEN b.net_90d + b.loyalty_discount_90d > 0
    THEN cast(b.loyalty_discount_90d AS double) / cast(b.net_90d + b.loyalty_discount_90d AS double)
    ELSE 0.0 END AS discount_share_90d,
  CASE WHEN b.net_90d + b.coupon_discount_90d > 0
    THEN cast(b.coupon_discount_90d AS double) / cast(b.net_90d + b.coupon_discount_90d AS double)
    ELSE 0.0 END AS coupon_share_90d,
  -- The usual distance between two visit days; with a single one, all that is known is the wait since.
  CASE WHEN b.visit_days > 1
    THEN cast(b.tenure_days - b.recency_days AS double) / (b.visit_days - 1)
    ELSE cast(b.tenure_days AS double) END AS mean_gap_days,
  coalesce(r.redemptions, 0)   AS redemptions_total,
  coalesce(m.mailings, 0)      AS mailings_total
FROM bought AS b
LEFT JOIN redeemed AS r ON r.customer_id = b.customer_id
LEFT JOIN mailed AS m ON m.customer_id = b.customer_id
