-- Grain: one campaign. Start and end are the days of the offer, written without a zone: midnights in New York.
select
  cast(campaign_id as varchar) as campaign_id,
  campaign_type,
  start_date as starts_at,
  local_day(start_date) as start_day,
  local_day(end_date) as end_day
from raw.campaign_descriptions
