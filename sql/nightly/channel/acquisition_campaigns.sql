-- Grain: one row per campaign that was to win customers.
select
  campaign_id,
  acquisition_channel,
  acquisition_channel = 'courrier ciblé' as is_targeted,
  contacts,
  fixed_cost,
  sent_on
from raw.acquisition_campaigns
