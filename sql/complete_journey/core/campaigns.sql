-- Grain: one campaign. Purpose: its type, its days, and how wide it was.
with mailed as (
  select campaign_id, count(*) as households
  from channel.mailings
  group by campaign_id
),
offers as (
  select campaign_id, count(distinct coupon_id) as coupons, count(distinct product_id) as products
  from core.coupons
  group by campaign_id
)
select
  campaigns.campaign_id,
  campaigns.campaign_type,
  campaigns.starts_at,
  campaigns.start_day,
  campaigns.end_day,
  coalesce(mailed.households, 0) as households,
  coalesce(offers.coupons, 0) as coupons,
  coalesce(offers.products, 0) as products
from channel.campaigns
left join mailed on mailed.campaign_id = campaigns.campaign_id
left join offers on offers.campaign_id = campaigns.campaign_id
