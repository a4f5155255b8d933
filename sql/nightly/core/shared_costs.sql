-- Grain: one row per cost that was paid for many at once, with the number of those who bear it: mails of one
-- campaign and price, the fixed cost of letters, what was paid to win the customers of a month or by a campaign.
with prices as (
  select channel, cost, valid_from,
    lead(valid_from) over (partition by channel order by valid_from) as valid_to
  from core.contact_costs
),
mails as (
  select events.campaign_id, prices.cost, count(*) as bearers, max(events.occurred_at) as booked_at
  from channel.email_events as events
  left join prices
    on prices.channel = 'email' and prices.valid_from <= events.occurred_at
    and (prices.valid_to is null or events.occurred_at < prices.valid_to)
  where events.event = 'sent'
  group by 1, 2
),
letters as (
  select campaign_id, count(*) as bearers from channel.mailings where not is_control group by campaign_id
),
came as (
  select
    acquisition_channel, cast(date_trunc('month', came_on) as date) as month, campaign_id, count(*) as bearers
  from core.acquisitions
  group by 1, 2, 3
)
select
  concat('mails ', mails.campaign_id, ' at ', mails.cost) as cost_id,
  'contact' as account,
  'email' as channel,
  mails.campaign_id,
  mails.booked_at,
  mails.bearers,
  cast(round(mails.bearers * mails.cost, 2) as decimal(18,2)) as amount
from mails
union all
select
  concat('letters ', campaigns.campaign_id), 'campaign', 'post', campaigns.campaign_id, campaigns.sent_at,
  coalesce(letters.bearers, 0), cast(campaigns.fixed_cost as decimal(18,2))
from channel.letters as campaigns
left join letters on letters.campaign_id = campaigns.campaign_id
union all
select
  concat('won ', costs.month, ' ', costs.acquisition_channel), 'acquisition', costs.acquisition_channel, null,
  day_end(costs.closed_on), coalesce(came.bearers, 0), cast(costs.cost as decimal(18,2))
from channel.acquisition_costs as costs
left join came
  on came.acquisition_channel = costs.acquisition_channel and came.month = costs.month and came.campaign_id is null
union all
select
  concat('won ', campaigns.campaign_id), 'acquisition', campaigns.acquisition_channel, campaigns.campaign_id,
  day_end(campaigns.sent_on), coalesce(by_campaign.bearers, 0), cast(campaigns.fixed_cost as decimal(18,2))
from channel.acquisition_campaigns as campaigns
left join (select campaign_id, sum(bearers) as bearers from came group by campaign_id) as by_campaign
  on by_campaign.campaign_id = campaigns.campaign_id
