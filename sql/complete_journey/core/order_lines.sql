-- Grain: one product of one basket (a basket lists a product once). Purpose: every line sold, with
-- money as the shop received it. Till times are UTC, days are those of the shops in New York.
-- `quantity` is as the till wrote it; fuel counts thousandths of a gallon, so `pieces` leaves fuel out.
SELECT
  cast(t.household_id AS varchar)  AS customer_id,
  cast(t.basket_id AS varchar)     AS order_id,
  t.transaction_timestamp          AS ordered_at,
  cast(t.transaction_timestamp AT TIME ZONE 'America/New_York' AS date) AS order_day,
  cast(t.store_id AS varchar)      AS store_id,
  cast(t.product_id AS varchar)    AS product_id,
  t.quantity,
  CASE WHEN p.is_fuel THEN cast(0 AS bigint) ELSE t.quantity END AS pieces,
  p.is_fuel,
  p.department,
  t.sales_value                    AS net_amount,
  t.retail_disc                    AS loyalty_discount,
  t.coupon_disc                    AS coupon_discount,
  t.coupon_match_disc              AS coupon_match_discount
FROM raw.transactions AS t
JOIN core.products AS p ON p.product_id = cast(t.product_id AS varchar)
