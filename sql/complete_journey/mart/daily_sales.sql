-- Grain: one New York day and department. Purpose: the sales curve for dashboards; orders, customers
-- and lines are counted within the department, so orders and customers do not add up over departments.
SELECT
  order_day                                    AS day,
  department,
  count(DISTINCT order_id)                     AS orders,
  count(DISTINCT customer_id)                  AS customers,
  count(*)                                     AS lines,
  sum(pieces)                                  AS pieces,
  sum(net_amount)                              AS net_amount,
  sum(loyalty_discount)                        AS loyalty_discount,
  sum(coupon_discount + coupon_match_discount) AS coupon_discount
FROM core.order_lines
GROUP BY order_day, department
