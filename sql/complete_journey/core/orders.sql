-- Grain: one basket. Purpose: the visits of each household. A basket has one household, one shop and
-- one time, so grouping by all of them keeps one row a basket (the check on order_id says so).
SELECT
  customer_id,
  order_id,
  'shop'                          AS channel,
  ordered_at,
  order_day,
  store_id,
  count(*)                        AS lines,
  count(DISTINCT department)      AS departments,
  sum(pieces)                     AS pieces,
  sum(net_amount)                 AS net_amount,
  sum(net_amount) FILTER (WHERE is_fuel)  AS fuel_amount,
  sum(loyalty_discount)           AS loyalty_discount,
  sum(coupon_discount + coupon_match_discount) AS coupon_discount
FROM core.order_lines
GROUP BY customer_id, order_id, ordered_at, order_day, store_id
