-- Grain: one product that one coupon of one campaign is good for. Purpose: what a redemption may have
-- been about. The export repeats 4,872 of its rows; they are dropped here.
SELECT DISTINCT
  cast(coupon_upc AS varchar)  AS coupon_id,
  cast(campaign_id AS varchar) AS campaign_id,
  cast(product_id AS varchar)  AS product_id
FROM raw.coupons
