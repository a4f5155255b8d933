-- Grain: one row per record of a customer, and how they came.
select
  case when card is not null then 'card' else 'account' end as source,
  coalesce(card, account_id) as record_id,
  acquisition_channel,
  campaign_id,
  came_on
from raw.origins
