-- Grain: one sales invoice. Purpose: what was ordered, by whom if known: the shop's own
-- marketplace sales carry no customer number, their customer_id is null.
select
  customer_id,
  invoice_no as order_id,
  'web' as channel,
  invoiced_at as ordered_at,
  invoice_day as order_day,
  country,
  lines,
  coalesce(pieces, 0) as pieces,
  net_amount,
  postage_amount
from channel.invoices
where kind = 'sale'
