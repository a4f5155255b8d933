-- Grain: one line of one invoice as exported. Purpose: the web shop's lines with
-- clean keys: `17850.0` becomes 17850, product codes in capitals (85123a is 85123A), codes that are no
-- products told apart. Two equal lines of an invoice are two lines. The number of a line comes from
-- its place in the file and its content, never from the file's name or the night it came.
with coded as (
  select *, upper(trim(stock_code)) as product_id
  from raw.invoice_lines
)
select
  invoice_no,
  row_number() over (
    partition by invoice_no
    order by _line, stock_code, quantity, unit_price, invoiced_at, description
  ) as line_no,
  nullif(regexp_replace(customer_no, '\.0$', ''), '') as customer_id,
  product_id,
  nullif(trim(description), '') as description,
  case
    when product_id in ('POST', 'DOT', 'C2') then 'postage'
    when product_id in ('AMAZONFEE', 'BANK CHARGES', 'B') then 'fee'
    when product_id = 'D' then 'discount'
    when product_id = 'M' then 'manual'
    when product_id = 'S' then 'sample'
    when starts_with(product_id, 'GIFT_') then 'voucher'
    else 'product'
  end as line_kind,
  invoiced_at,
  quantity,
  unit_price,
  cast(quantity * unit_price as decimal(18, 3)) as net_amount,
  country
from coded
