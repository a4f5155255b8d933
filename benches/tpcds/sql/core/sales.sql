-- Grain: one line sold on any channel. Purpose: the sales of three channels in one fact, each line
-- with what of it came back (a line can come back in parts). The customer is who pays: bill-to for
-- catalog and web. Lines without a day or a customer stay, with nulls.
WITH days AS (
  SELECT d_date_sk, d_date FROM raw.date_dim
), returned AS (
  SELECT channel, order_no, item_sk,
    min(return_date)     AS return_date,
    sum(return_quantity) AS return_quantity,
    cast(sum(return_amount) AS decimal(9, 2)) AS return_amount
  FROM core.returns
  GROUP BY channel, order_no, item_sk
)
-- The small side of each join stands on the left: that is the side held in memory.
SELECT 'store' AS channel, s.ss_ticket_number AS order_no, s.ss_item_sk AS item_sk, s.ss_customer_sk AS customer_sk,
  s.d_date AS sale_date, s.ss_quantity AS quantity, s.ss_ext_sales_price AS sales_amt, s.ss_ext_discount_amt AS discount_amt,
  s.ss_coupon_amt AS coupon_amt, s.ss_net_paid AS net_paid, s.ss_net_profit AS net_profit, s.ss_promo_sk AS promo_sk,
  r.return_date, r.return_quantity, r.return_amount
FROM (SELECT * FROM returned WHERE channel = 'store') AS r
RIGHT JOIN (
  SELECT s.*, d.d_date FROM days AS d RIGHT JOIN raw.store_sales AS s ON s.ss_sold_date_sk = d.d_date_sk
) AS s ON s.ss_ticket_number = r.order_no AND s.ss_item_sk = r.item_sk
UNION ALL
SELECT 'catalog', s.cs_order_number, s.cs_item_sk, s.cs_bill_customer_sk,
  s.d_date, s.cs_quantity, s.cs_ext_sales_price, s.cs_ext_discount_amt,
  s.cs_coupon_amt, s.cs_net_paid, s.cs_net_profit, s.cs_promo_sk,
  r.return_date, r.return_quantity, r.return_amount
FROM (SELECT * FROM returned WHERE channel = 'catalog') AS r
RIGHT JOIN (
  SELECT s.*, d.d_date FROM days AS d RIGHT JOIN raw.catalog_sales AS s ON s.cs_sold_date_sk = d.d_date_sk
) AS s ON s.cs_order_number = r.order_no AND s.cs_item_sk = r.item_sk
UNION ALL
SELECT 'web', s.ws_order_number, s.ws_item_sk, s.ws_bill_customer_sk,
  s.d_date, s.ws_quantity, s.ws_ext_sales_price, s.ws_ext_discount_amt,
  s.ws_coupon_amt, s.ws_net_paid, s.ws_net_profit, s.ws_promo_sk,
  r.return_date, r.return_quantity, r.return_amount
FROM (SELECT * FROM returned WHERE channel = 'web') AS r
RIGHT JOIN (
  SELECT s.*, d.d_date FROM days AS d RIGHT JOIN raw.web_sales AS s ON s.ws_sold_date_sk = d.d_date_sk
) AS s ON s.ws_order_number = r.order_no AND s.ws_item_sk = r.item_sk
