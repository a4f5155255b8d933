-- Grain: one product that was sold. Purpose: the assortment by money, reach and discount.
WITH by_customer AS (
  SELECT
    product_id, customer_id,
    count(*)                                     AS orders,
    sum(quantity)                                AS quantity,
    sum(net_amount)                              AS net_amount,
    sum(loyalty_discount)                        AS loyalty_discount,
    sum(coupon_discount + coupon_match_discount) AS coupon_discount,
    min(order_day)                               AS first_sold_on,
    max(order_day)                               AS last_sold_on
  FROM core.order_lines
  GROUP BY product_id, customer_id
), sold AS (
  SELECT
    product_id,
    count(*)                                      AS customers,
    cast(sum(orders) AS bigint)                   AS orders,
    sum(quantity)                                 AS quantity,
    cast(sum(net_amount) AS decimal(18, 2))       AS net_amount,
    cast(sum(loyalty_discount) AS decimal(18, 2)) AS loyalty_discount,
    cast(sum(coupon_discount) AS decimal(18, 2))  AS coupon_discount,
    min(first_sold_on)                            AS first_sold_on,
    max(last_sold_on)                             AS last_sold_on
  FROM by_customer
  GROUP BY product_id
)
SELECT
  p.product_id, p.product_name, p.category, p.department, p.brand, p.is_fuel, p.is_listed,
  s.customers, s.orders, s.quantity, s.net_amount, s.loyalty_discount, s.coupon_discount,
  s.first_sold_on, s.last_sold_on
FROM sold AS s
JOIN core.products AS p ON p.product_id = s.product_id
