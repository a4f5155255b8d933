-- Grain: one credit note. Purpose: money given back: returned goods, discounts, corrections. Amounts
-- are negative. The export does not say which order a credit note is about.
select
  customer_id,
  invoice_no as credit_id,
  invoiced_at as credited_at,
  invoice_day as credit_day,
  country,
  lines,
  coalesce(pieces, 0) as pieces,
  net_amount
from channel.invoices
where kind = 'credit'
