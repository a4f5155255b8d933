-- Grain: one campaign. Purpose: its type, its days, and how wide it was. Start and end are the days
-- of the offer, written without a zone: midnights in New York.
WITH mailed AS (
  SELECT campaign_id, count(*) AS households FROM raw.campaigns GROUP BY campaign_id
), offers AS (
  SELECT campaign_id, count(DISTINCT coupon_upc) AS coupons, count(DISTINCT product_id) AS products
  FROM raw.coupons GROUP BY campaign_id
)
SELECT
  cast(d.campaign_id AS varchar) AS campaign_id,
  d.campaign_type,
  d.start_date                   AS starts_at,
  cast(d.start_date AT TIME ZONE 'America/New_York' AS date) AS start_day,
  cast(d.end_date AT TIME ZONE 'America/New_York' AS date)   AS end_day,
  coalesce(m.households, 0)      AS households,
  coalesce(o.coupons, 0)         AS coupons,
  coalesce(o.products, 0)        AS products
FROM raw.campaign_descriptions AS d
LEFT JOIN mailed AS m ON m.campaign_id = d.campaign_id
LEFT JOIN offers AS o ON o.campaign_id = d.campaign_id
