-- Grain: one basket. Purpose: the visits of each household. A basket has one household, one shop and
-- one time, so grouping by all of them keeps one row per basket (the check on order_id says so).
-- First by department, then by basket: a distinct count would keep a set for each of the baskets.
WITH by_department AS (
  SELECT
    customer_id, order_id, ordered_at, order_day, store_id, department,
    count(*)                        AS lines,
    sum(pieces)                     AS pieces,
    sum(net_amount)                 AS net_amount,
    coalesce(sum(net_amount) FILTER (WHERE is_fuel), 0) AS fuel_amount,
    sum(loyalty_discount)           AS loyalty_discount,
    sum(coupon_discount + coupon_match_discount) AS coupon_discount
  FROM core.order_lines
  GROUP BY customer_id, order_id, ordered_at, order_day, store_id, department
)
SELECT
  customer_id,
  order_id,
  'shop'                          AS channel,
  ordered_at,
  order_day,
  store_id,
  cast(sum(lines) AS bigint)      AS lines,
  count(*)                        AS departments,
  sum(pieces)                     AS pieces,
  cast(sum(net_amount) AS decimal(18, 2))       AS net_amount,
  cast(sum(fuel_amount) AS decimal(18, 2))      AS fuel_amount,
  cast(sum(loyalty_discount) AS decimal(18, 2)) AS loyalty_discount,
  cast(sum(coupon_discount) AS decimal(18, 2))  AS coupon_discount
FROM by_department
GROUP BY customer_id, order_id, ordered_at, order_day, store_id
