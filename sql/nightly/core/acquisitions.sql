-- Grain: one row per record of a customer that says how they came; customer_id is null if the record is unknown.
select
  ids.customer_id,
  origins.source,
  origins.record_id,
  origins.acquisition_channel,
  origins.campaign_id,
  campaigns.is_targeted,
  origins.came_on
from channel.origins
left join core.customer_ids as ids on ids.source = origins.source and ids.record_id = origins.record_id
left join channel.acquisition_campaigns as campaigns on campaigns.campaign_id = origins.campaign_id
