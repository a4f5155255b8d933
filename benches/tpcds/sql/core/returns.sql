-- Grain: one returned line of an order, as the channel gave it. Purpose: the returns of three
-- channels in one fact. A return without its day keeps a null.
WITH days AS (
  SELECT d_date_sk, d_date FROM raw.date_dim
)
-- The small side of each join stands on the left: that is the side held in memory.
SELECT 'store' AS channel, r.sr_ticket_number AS order_no, r.sr_item_sk AS item_sk,
  r.sr_customer_sk AS customer_sk, d.d_date AS return_date, r.sr_return_quantity AS return_quantity,
  r.sr_return_amt AS return_amount, r.sr_net_loss AS net_loss, r.sr_reason_sk AS reason_sk
FROM days AS d
RIGHT JOIN raw.store_returns AS r ON r.sr_returned_date_sk = d.d_date_sk
UNION ALL
SELECT 'catalog', r.cr_order_number, r.cr_item_sk, r.cr_refunded_customer_sk, d.d_date,
  r.cr_return_quantity, r.cr_return_amount, r.cr_net_loss, r.cr_reason_sk
FROM days AS d
RIGHT JOIN raw.catalog_returns AS r ON r.cr_returned_date_sk = d.d_date_sk
UNION ALL
SELECT 'web', r.wr_order_number, r.wr_item_sk, r.wr_refunded_customer_sk, d.d_date,
  r.wr_return_quantity, r.wr_return_amt, r.wr_net_loss, r.wr_reason_sk
FROM days AS d
RIGHT JOIN raw.web_returns AS r ON r.wr_returned_date_sk = d.d_date_sk
