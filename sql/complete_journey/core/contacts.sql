-- Grain: one household mailed in one campaign. Purpose: campaign contacts. The mailing day is not
-- recorded; the campaign's first day stands for it. Nobody was kept back at random, so no difference
-- between mailed and other households may be read as the effect of a campaign.
select
  concat(mailings.campaign_id, '-', mailings.customer_id) as contact_id,
  mailings.customer_id,
  campaigns.campaign_id,
  campaigns.campaign_type,
  'post' as channel,
  campaigns.starts_at as contacted_at
from channel.mailings
join core.campaigns on campaigns.campaign_id = mailings.campaign_id
