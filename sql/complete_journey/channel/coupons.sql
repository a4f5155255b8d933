-- Grain: one product that one coupon of one campaign is good for, as exported: some rows are repeated.
select
  cast(coupon_upc as varchar) as coupon_id,
  cast(campaign_id as varchar) as campaign_id,
  cast(product_id as varchar) as product_id
from raw.coupons
