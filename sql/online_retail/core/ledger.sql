-- Grain: one entry: a line of an invoice or a credit note that moved money. Signed, so that any sum of entries is
-- what the shop kept. Prices of a few things have a fraction of a penny, and so have amounts: nothing is rounded.
select
  concat(lines.invoice_no, '/', lines.line_no) as entry_id,
  invoices.customer_id,
  cast(null as varchar) as organisation_id,
  invoices.invoiced_at as booked_at,
  case
    when invoices.kind = 'adjustment' then 'bad_debt'
    when lines.line_kind = 'fee' then 'fees'
    when lines.line_kind = 'discount' then 'discounts'
    when lines.line_kind = 'postage' then 'postage'
    when invoices.kind = 'credit' then 'returns'
    else 'sales'
  end as account,
  case when lines.line_kind = 'product' then lines.product_id else lines.line_kind end as product_line,
  'web' as channel,
  'invoice_lines' as source,
  concat(lines.invoice_no, '/', lines.line_no) as reference,
  invoices.kind = 'credit' as is_return,
  lines.net_amount as amount
from channel.invoice_lines as lines
join channel.invoices on invoices.invoice_no = lines.invoice_no
where lines.net_amount <> 0
