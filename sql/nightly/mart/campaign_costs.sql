-- One row per campaign: the persons it reached and the cost of the contacts at the prices of their day.
with prices as (
  select channel, cost, valid_from,
    lead(valid_from) over (partition by channel order by valid_from) as valid_to
  from core.contact_costs
)
select
  c.campaign_id,
  c.channel,
  c.name,
  c.offer,
  c.sent_at,
  count(*) filter (where not k.is_control) as contacts,
  count(*) filter (where k.is_control) as controls,
  coalesce(sum(coalesce(c.unit_cost, p.cost)) filter (where not k.is_control), 0)
    + coalesce(min(c.fixed_cost), 0) as cost
from core.campaigns c
join core.contacts k on k.campaign_id = c.campaign_id
left join prices p
  on p.channel = k.channel
  and p.valid_from <= k.contacted_at
  and (p.valid_to is null or k.contacted_at < p.valid_to)
group by c.campaign_id, c.channel, c.name, c.offer, c.sent_at
