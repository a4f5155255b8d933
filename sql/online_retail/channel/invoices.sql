-- Grain: one invoice. Purpose: what an invoice is: a sale, a credit note (number with C), bad debt that
-- is written off (with A), or a movement of stock (no customer and no money in any line). A few invoices took two
-- minutes to write: the first one counts.
select
  invoice_no,
  case
    when starts_with(invoice_no, 'C') then 'credit'
    when starts_with(invoice_no, 'A') then 'adjustment'
    when max(customer_id) is null and max(unit_price) = 0 then 'stock'
    else 'sale'
  end as kind,
  max(customer_id) as customer_id,
  max(country) as country,
  min(invoiced_at) as invoiced_at,
  local_day(min(invoiced_at)) as invoice_day,
  count(*) as lines,
  count(*) filter (where line_kind = 'product') as product_lines,
  sum(quantity) filter (where line_kind = 'product') as pieces,
  cast(sum(net_amount) as decimal(18, 3)) as net_amount,
  cast(coalesce(sum(net_amount) filter (where line_kind = 'postage'), 0) as decimal(18, 3)) as postage_amount
from channel.invoice_lines
group by invoice_no
