-- Grain: one New York day and department. Purpose: the sales curve for dashboards; orders, customers
-- and lines are counted within the department, so orders and customers do not add up over departments.
-- Grouped in three strides (basket, household, department) so that nothing keeps a set per group.
WITH by_basket AS (
  SELECT
    order_day, department, customer_id, order_id,
    count(*)              AS lines,
    sum(pieces)           AS pieces,
    sum(net_amount)       AS net_amount,
    sum(loyalty_discount) AS loyalty_discount,
    sum(coupon_discount + coupon_match_discount) AS coupon_discount
  FROM core.order_lines
  GROUP BY order_day, department, customer_id, order_id
), by_customer AS (
  SELECT
    order_day, department, customer_id,
    count(*)              AS orders,
    sum(lines)            AS lines,
    sum(pieces)           AS pieces,
    sum(net_amount)       AS net_amount,
    sum(loyalty_discount) AS loyalty_discount,
    sum(coupon_discount)  AS coupon_discount
  FROM by_basket
  GROUP BY order_day, department, customer_id
)
SELECT
  order_day                                     AS day,
  department,
  cast(sum(orders) AS bigint)                   AS orders,
  count(*)                                      AS customers,
  cast(sum(lines) AS bigint)                    AS lines,
  sum(pieces)                                   AS pieces,
  cast(sum(net_amount) AS decimal(18, 2))       AS net_amount,
  cast(sum(loyalty_discount) AS decimal(18, 2)) AS loyalty_discount,
  cast(sum(coupon_discount) AS decimal(18, 2))  AS coupon_discount
FROM by_customer
GROUP BY order_day, department
