-- Grain: one product that stands on an invoice. Purpose: a name for each code. The export holds no
-- catalogue, and people wrote remarks ("thrown away", "?") where names belong: the name used most on
-- lines with a price wins, the first of the alphabet among equals.
with named as (
  select product_id, description, count(*) as lines
  from channel.invoice_lines
  where line_kind in ('product', 'voucher') and unit_price > 0 and description is not null
  group by product_id, description
),
best as (
  select product_id, description,
    row_number() over (partition by product_id order by lines desc, description) as place
  from named
),
codes as (
  select distinct product_id, line_kind
  from channel.invoice_lines
  where line_kind in ('product', 'voucher')
)
select codes.product_id, coalesce(best.description, codes.product_id) as product_name, codes.line_kind as kind
from codes
left join best on best.product_id = codes.product_id and best.place = 1
