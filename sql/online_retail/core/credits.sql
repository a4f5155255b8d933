-- Grain: one credit note. Purpose: money given back: returned goods, discounts, corrections. Amounts
-- are negative. The export does not say which order a credit note is about.
SELECT
  customer_id,
  invoice_no     AS credit_id,
  invoiced_at    AS credited_at,
  invoice_day    AS credit_day,
  country,
  lines,
  coalesce(pieces, 0) AS pieces,
  net_amount
FROM channel.invoices
WHERE kind = 'credit'
