-- Grain: one campaign. Purpose: how many were mailed, how many of them redeemed a coupon, how often.
-- There was no control group: a redemption rate is a response, never an effect.
WITH redeemed AS (
  SELECT campaign_id, count(*) AS redemptions, count(DISTINCT customer_id) AS redeemers,
    count(DISTINCT coupon_id) AS coupons_redeemed
  FROM core.coupon_redemptions
  GROUP BY campaign_id
)
SELECT
  c.campaign_id, c.campaign_type, c.start_day, c.end_day, c.coupons, c.products,
  c.households                     AS households_mailed,
  coalesce(r.redeemers, 0)         AS households_redeemed,
  coalesce(r.redemptions, 0)       AS redemptions,
  coalesce(r.coupons_redeemed, 0)  AS coupons_redeemed,
  CASE WHEN c.households > 0
    THEN cast(coalesce(r.redeemers, 0) AS double) / c.households END AS redemption_rate
FROM core.campaigns AS c
LEFT JOIN redeemed AS r ON r.campaign_id = c.campaign_id
