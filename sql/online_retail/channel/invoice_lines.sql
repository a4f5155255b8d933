-- Grain: one line of one invoice as exported. Purpose: the web shop's lines with
-- clean keys: `17850.0` becomes 17850, product codes in capitals (85123a is 85123A), codes that are no
-- products told apart. Two equal lines of an invoice are two lines. The number of a line comes from
-- its place in the file and its content, never from the file's name or the night it came.
SELECT
  invoice_no,
  row_number() OVER (
    PARTITION BY invoice_no
    ORDER BY _line, stock_code, quantity, unit_price, invoiced_at, description
  )                                                  AS line_no,
  nullif(regexp_replace(customer_no, '\.0$', ''), '') AS customer_id,
  upper(trim(stock_code))                            AS product_id,
  nullif(trim(description), '')                      AS description,
  CASE
    WHEN upper(trim(stock_code)) IN ('POST', 'DOT', 'C2') THEN 'postage'
    WHEN upper(trim(stock_code)) IN ('AMAZONFEE', 'BANK CHARGES', 'B') THEN 'fee'
    WHEN upper(trim(stock_code)) = 'D' THEN 'discount'
    WHEN upper(trim(stock_code)) = 'M' THEN 'manual'
    WHEN upper(trim(stock_code)) = 'S' THEN 'sample'
    WHEN starts_with(lower(stock_code), 'gift_') THEN 'voucher'
    ELSE 'product'
  END                                                AS line_kind,
  invoiced_at,
  quantity,
  unit_price,
  cast(quantity * unit_price AS decimal(18, 3))      AS net_amount,
  country
FROM raw.invoice_lines
