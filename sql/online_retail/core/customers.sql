-- Grain: one customer number. Purpose: everyone who ever had an invoice or a credit note, with the
-- country of the latest one (two of them moved).
WITH placed AS (
  SELECT customer_id, country,
    min(invoice_day) OVER (PARTITION BY customer_id) AS known_since,
    row_number() OVER (PARTITION BY customer_id ORDER BY invoiced_at DESC, invoice_no DESC) AS place
  FROM channel.invoices
  WHERE customer_id IS NOT NULL
)
SELECT customer_id, country, known_since
FROM placed
WHERE place = 1
