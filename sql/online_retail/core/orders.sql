-- Grain: one sales invoice. Purpose: what was ordered, by whom if known: the shop's own
-- marketplace sales carry no customer number, their customer_id is null.
SELECT
  customer_id,
  invoice_no     AS order_id,
  'web'          AS channel,
  invoiced_at    AS ordered_at,
  invoice_day    AS order_day,
  country,
  lines,
  coalesce(pieces, 0) AS pieces,
  net_amount,
  postage_amount
FROM channel.invoices
WHERE kind = 'sale'
