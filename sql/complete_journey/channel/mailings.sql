-- Grain: one household mailed in one campaign; the day is not recorded.
select
  cast(campaign_id as varchar) as campaign_id,
  cast(household_id as varchar) as customer_id
from raw.campaigns
