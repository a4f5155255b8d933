-- Grain: one coupon redeemed by one household on one day. Purpose: responses to campaigns. Only the
-- day is known; it counts from the day's first instant in New York.
SELECT
  cast(household_id AS varchar) AS customer_id,
  cast(coupon_upc AS varchar)   AS coupon_id,
  cast(campaign_id AS varchar)  AS campaign_id,
  redemption_date               AS redeemed_at,
  cast(redemption_date AT TIME ZONE 'America/New_York' AS date) AS redemption_day
FROM raw.coupon_redemptions
