-- Grain: one customer number. Purpose: everyone who ever had an invoice or a credit note, with the
-- country of the latest one (two of them moved).
with placed as (
  select customer_id, country,
    min(invoice_day) over (partition by customer_id) as known_since,
    row_number() over (partition by customer_id order by invoiced_at desc, invoice_no desc) as place
  from channel.invoices
  where customer_id is not null
)
select customer_id, country, known_since
from placed
where place = 1
