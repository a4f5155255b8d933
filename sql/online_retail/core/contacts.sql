-- Grain: one customer contacted in one campaign. This data set records no campaigns, so the table is
-- empty; a tool that expects it finds it.
SELECT
  cast(NULL AS varchar) AS contact_id,
  cast(NULL AS varchar) AS customer_id,
  cast(NULL AS varchar) AS campaign_id,
  cast(NULL AS varchar) AS channel,
  arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS contacted_at
WHERE false
