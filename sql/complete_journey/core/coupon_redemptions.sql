-- Grain: one coupon redeemed by one household on one day. Purpose: responses to campaigns.
select customer_id, coupon_id, campaign_id, redeemed_at, redemption_day
from channel.coupon_redemptions
