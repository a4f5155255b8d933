-- Grain: one invoice. Purpose: what an invoice is: a sale, a credit note (number with C), bad debt that
-- is written off (with A), or a movement of stock (no customer and no money in any line). A few invoices took two
-- minutes to write: the first one counts.
SELECT
  invoice_no,
  CASE
    WHEN starts_with(invoice_no, 'C') THEN 'credit'
    WHEN starts_with(invoice_no, 'A') THEN 'adjustment'
    WHEN max(customer_id) IS NULL AND max(unit_price) = 0 THEN 'stock'
    ELSE 'sale'
  END                                         AS kind,
  max(customer_id)                            AS customer_id,
  max(country)                                AS country,
  min(invoiced_at)                            AS invoiced_at,
  cast(min(invoiced_at) AT TIME ZONE 'Europe/London' AS date) AS invoice_day,
  count(*)                                    AS lines,
  count(*) FILTER (WHERE line_kind = 'product') AS product_lines,
  sum(quantity) FILTER (WHERE line_kind = 'product') AS pieces,
  cast(sum(net_amount) AS decimal(18, 3))     AS net_amount,
  cast(coalesce(sum(net_amount) FILTER (WHERE line_kind = 'postage'), 0) AS decimal(18, 3)) AS postage_amount
FROM channel.invoice_lines
GROUP BY invoice_no
