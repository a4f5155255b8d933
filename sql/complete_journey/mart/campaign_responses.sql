-- Grain: one campaign. Purpose: how many were mailed, how many of them redeemed a coupon, how often.
-- There was no control group: a redemption rate is a response, never an effect.
with redeemed as (
  select campaign_id, count(*) as redemptions, count(distinct customer_id) as redeemers,
    count(distinct coupon_id) as coupons_redeemed
  from core.coupon_redemptions
  group by campaign_id
)
select
  campaigns.campaign_id, campaigns.campaign_type, campaigns.start_day, campaigns.end_day,
  campaigns.coupons, campaigns.products,
  campaigns.households as households_mailed,
  coalesce(redeemed.redeemers, 0) as households_redeemed,
  coalesce(redeemed.redemptions, 0) as redemptions,
  coalesce(redeemed.coupons_redeemed, 0) as coupons_redeemed,
  cast(coalesce(redeemed.redeemers, 0) as double) / nullif(campaigns.households, 0) as redemption_rate
from core.campaigns
left join redeemed on redeemed.campaign_id = campaigns.campaign_id
