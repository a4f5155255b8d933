-- Grain: one row per campaign: the persons it reached and the cost of the contacts at the prices of their day.
with prices as (
  select channel, cost, valid_from,
    lead(valid_from) over (partition by channel order by valid_from) as valid_to
  from core.contact_costs
)
select
  campaigns.campaign_id,
  campaigns.channel,
  campaigns.name,
  campaigns.offer,
  campaigns.sent_at,
  count(*) filter (where not contacts.is_control) as contacts,
  count(*) filter (where contacts.is_control) as controls,
  coalesce(sum(coalesce(campaigns.unit_cost, prices.cost)) filter (where not contacts.is_control), 0)
    + coalesce(min(campaigns.fixed_cost), 0) as cost
from core.campaigns
join core.contacts on contacts.campaign_id = campaigns.campaign_id
left join prices
  on prices.channel = contacts.channel
  and prices.valid_from <= contacts.contacted_at
  and (prices.valid_to is null or contacts.contacted_at < prices.valid_to)
group by 1, 2, 3, 4, 5
