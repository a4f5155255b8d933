-- Grain: one London day with an invoice. Purpose: the shop's days, and the proof that nothing was
-- lost: over all days lines, invoices and net_amount add up to the whole export.
select
  invoice_day as day,
  count(*) as invoices,
  count(*) filter (where kind = 'sale') as orders,
  count(*) filter (where kind = 'credit') as credit_notes,
  count(distinct customer_id) as customers,
  cast(sum(lines) as bigint) as lines,
  cast(coalesce(sum(lines) filter (where customer_id is null), 0) as bigint) as lines_without_customer,
  cast(coalesce(sum(lines) filter (where kind = 'credit'), 0) as bigint) as credit_lines,
  cast(coalesce(sum(net_amount) filter (where kind = 'sale'), 0) as decimal(18, 3)) as sold_amount,
  cast(coalesce(sum(net_amount) filter (where kind = 'credit'), 0) as decimal(18, 3)) as credited_amount,
  cast(sum(net_amount) as decimal(18, 3)) as net_amount
from channel.invoices
group by invoice_day
