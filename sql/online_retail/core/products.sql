-- Grain: one product that stands on an invoice. Purpose: a name for each code. The export holds no
-- catalogue, and people wrote remarks ("thrown away", "?") where names belong: the name used most on
-- lines with a price wins, the first of the alphabet among equals.
WITH named AS (
  SELECT product_id, description, count(*) AS lines
  FROM channel.invoice_lines
  WHERE line_kind IN ('product', 'voucher') AND unit_price > 0 AND description IS NOT NULL
  GROUP BY product_id, description
), best AS (
  SELECT product_id, description,
    row_number() OVER (PARTITION BY product_id ORDER BY lines DESC, description) AS place
  FROM named
), every AS (
  SELECT DISTINCT product_id, line_kind
  FROM channel.invoice_lines
  WHERE line_kind IN ('product', 'voucher')
)
SELECT e.product_id, coalesce(b.description, e.product_id) AS product_name, e.line_kind AS kind
FROM every AS e
LEFT JOIN best AS b ON b.product_id = e.product_id AND b.place = 1
