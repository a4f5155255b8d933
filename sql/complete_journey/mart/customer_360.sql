-- Grain: one household. Purpose: the full picture for people: profile, purchases, habits, campaigns.
-- It remembers nothing from earlier nights and knows nothing of segments and scores (join those by
-- customer_id). Nearly everybody spends most on GROCERY, so the favourite department leaves it out.
WITH clock AS (
  SELECT cast($as_of AT TIME ZONE 'America/New_York' AS date) AS today
), purchases AS (
  SELECT
    o.customer_id,
    min(o.ordered_at)               AS first_order_at,
    max(o.ordered_at)               AS last_order_at,
    min(o.order_day)                AS first_order_day,
    max(o.order_day)                AS last_order_day,
    count(*)                        AS orders_total,
    count(DISTINCT o.store_id)      AS stores_total,
    sum(o.lines)                    AS lines_total,
    sum(o.net_amount)               AS net_amount_total,
    coalesce(sum(o.fuel_amount), 0) AS fuel_amount_total,
    sum(o.loyalty_discount)         AS loyalty_discount_total,
    sum(o.coupon_discount)          AS coupon_discount_total,
    count(*) FILTER (WHERE c.today - o.order_day <= 30)  AS orders_30d,
    count(*) FILTER (WHERE c.today - o.order_day <= 90)  AS orders_90d,
    count(*) FILTER (WHERE c.today - o.order_day <= 365) AS orders_365d,
    coalesce(sum(o.net_amount) FILTER (WHERE c.today - o.order_day <= 30), 0)  AS net_amount_30d,
    coalesce(sum(o.net_amount) FILTER (WHERE c.today - o.order_day <= 90), 0)  AS net_amount_90d,
    coalesce(sum(o.net_amount) FILTER (WHERE c.today - o.order_day <= 365), 0) AS net_amount_365d
  FROM core.orders AS o
  CROSS JOIN clock AS c
  GROUP BY o.customer_id
), by_store AS (
  SELECT customer_id, store_id,
    row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, store_id) AS place
  FROM core.orders
  GROUP BY customer_id, store_id
), by_department AS (
  SELECT customer_id, department,
    row_number() OVER (PARTITION BY customer_id ORDER BY sum(net_amount) DESC, department) AS place
  FROM core.order_lines
  WHERE NOT is_fuel AND department <> 'GROCERY'
  GROUP BY customer_id, department
), redeemed AS (
  SELECT customer_id, count(*) AS redemptions_total, max(redeemed_at) AS last_redemption_at
  FROM core.coupon_redemptions
  GROUP BY customer_id
), mailed AS (
  SELECT m.customer_id,
    count(*) AS mailings_total,
    count(*) FILTER (WHERE c.today - cast(m.contacted_at AT TIME ZONE 'America/New_York' AS date) <= 30) AS mailings_30d,
    max(m.contacted_at) AS last_mailing_at
  FROM core.contacts AS m
  CROSS JOIN clock AS c
  GROUP BY m.customer_id
)
SELECT
  k.customer_id,
  k.has_profile,
  k.age_band,
  k.income_band,
  k.home_ownership,
  k.marital_status,
  k.household_size,
  k.household_composition,
  k.kids,
  p.first_order_at,
  p.last_order_at,
  t.today - p.last_order_day         AS recency_days,
  t.today - p.first_order_day        AS tenure_days,
  coalesce(p.orders_total, 0)        AS orders_total,
  coalesce(p.orders_30d, 0)          AS orders_30d,
  coalesce(p.orders_90d, 0)          AS orders_90d,
  coalesce(p.orders_365d, 0)         AS orders_365d,
  coalesce(p.lines_total, 0)         AS lines_total,
  cast(coalesce(p.net_amount_total, 0) AS decimal(18, 2)) AS net_amount_total,
  cast(coalesce(p.net_amount_30d, 0) AS decimal(18, 2)) AS net_amount_30d,
  cast(coalesce(p.net_amount_90d, 0) AS decimal(18, 2)) AS net_amount_90d,
  cast(coalesce(p.net_amount_365d, 0) AS decimal(18, 2)) AS net_amount_365d,
  cast(coalesce(p.fuel_amount_total, 0) AS decimal(18, 2)) AS fuel_amount_total,
  cast(coalesce(p.loyalty_discount_total, 0) AS decimal(18, 2)) AS loyalty_discount_total,
  cast(coalesce(p.coupon_discount_total, 0) AS decimal(18, 2)) AS coupon_discount_total,
  CASE WHEN p.orders_total > 0 THEN cast(p.net_amount_total AS double) / p.orders_total END AS average_basket,
  coalesce(p.stores_total, 0)        AS stores_total,
  s.store_id                         AS favourite_store_id,
  d.department                       AS favourite_department,
  coalesce(m.mailings_total, 0)      AS mailings_total,
  coalesce(m.mailings_30d, 0)        AS mailings_30d,
  m.last_mailing_at,
  coalesce(r.redemptions_total, 0)   AS redemptions_total,
  r.last_redemption_at
FROM core.customers AS k
CROSS JOIN clock AS t
LEFT JOIN purchases AS p ON p.customer_id = k.customer_id
LEFT JOIN by_store AS s ON s.customer_id = k.customer_id AND s.place = 1
LEFT JOIN by_department AS d ON d.customer_id = k.customer_id AND d.place = 1
LEFT JOIN redeemed AS r ON r.customer_id = k.customer_id
LEFT JOIN mailed AS m ON m.customer_id = k.customer_id
