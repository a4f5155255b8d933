-- Grain: one London day with an invoice. Purpose: the shop's days, and the proof that nothing was
-- lost: over all days lines, invoices and net_amount add up to the whole export.
SELECT
  invoice_day                                        AS day,
  count(*)                                           AS invoices,
  count(*) FILTER (WHERE kind = 'sale')              AS orders,
  count(*) FILTER (WHERE kind = 'credit')            AS credit_notes,
  count(DISTINCT customer_id)                        AS customers,
  cast(sum(lines) AS bigint)                         AS lines,
  cast(coalesce(sum(lines) FILTER (WHERE customer_id IS NULL), 0) AS bigint) AS lines_without_customer,
  cast(coalesce(sum(lines) FILTER (WHERE kind = 'credit'), 0) AS bigint)     AS credit_lines,
  cast(coalesce(sum(net_amount) FILTER (WHERE kind = 'sale'), 0) AS decimal(18, 3))   AS sold_amount,
  cast(coalesce(sum(net_amount) FILTER (WHERE kind = 'credit'), 0) AS decimal(18, 3)) AS credited_amount,
  cast(sum(net_amount) AS decimal(18, 3))            AS net_amount
FROM channel.invoices
GROUP BY invoice_day
