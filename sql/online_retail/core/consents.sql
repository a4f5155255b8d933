-- Grain: one customer and channel at one instant. Purpose: who agreed to be contacted. This data set
-- records no consent at all, so the table is empty and the audience says `consent = false`; a tool
-- that expects the table finds it.
SELECT
  cast(NULL AS varchar) AS customer_id,
  cast(NULL AS varchar) AS channel,
  cast(NULL AS boolean) AS granted,
  arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS valid_from
WHERE false
