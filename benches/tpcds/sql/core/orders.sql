-- Grain: one order of one customer on one channel, of its lines with a day and a customer. Purpose:
-- the events that features and churn are about.
SELECT
  customer_sk       AS customer_id,
  channel,
  order_no,
  min(sale_date) AS ordered_on,
  sum(quantity)     AS quantity,
  sum(net_paid)     AS net_paid,
  sum(net_profit)   AS net_profit,
  count(*)          AS lines,
  count(*) FILTER (WHERE coupon_amt > 0) AS coupon_lines,
  count(promo_sk)   AS promo_lines
FROM core.sales
WHERE customer_sk IS NOT NULL AND sale_date IS NOT NULL
GROUP BY customer_sk, channel, order_no
