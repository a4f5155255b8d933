-- Grain: one product that one coupon of one campaign is good for. Purpose: what a redemption may have
-- been about. The export repeats 4,872 of its rows; they are dropped here.
select distinct coupon_id, campaign_id, product_id
from channel.coupons
