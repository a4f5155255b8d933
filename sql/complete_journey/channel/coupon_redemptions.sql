-- Grain: one coupon redeemed by one household on one day. Only the day is known; it counts from the day's
-- first instant in New York.
select
  cast(household_id as varchar) as customer_id,
  cast(coupon_upc as varchar) as coupon_id,
  cast(campaign_id as varchar) as campaign_id,
  redemption_date as redeemed_at,
  local_day(redemption_date) as redemption_day
from raw.coupon_redemptions
