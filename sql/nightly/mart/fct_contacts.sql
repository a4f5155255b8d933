-- Grain: one row per customer, campaign, channel and day on which it was to reach them: how often it did, how often
-- they were kept back to compare with, what came of it, what it cost at the prices of the day.
with prices as (
  select channel, cost, valid_from,
    lead(valid_from) over (partition by channel order by valid_from) as valid_to
  from core.contact_costs
),
sent as (
  select
    contacts.customer_id,
    contacts.campaign_id,
    contacts.channel,
    local_day(contacts.contacted_at) as contacted_on,
    count(*) filter (where not contacts.is_control) as contacts,
    count(*) filter (where contacts.is_control) as controls,
    coalesce(sum(coalesce(campaigns.unit_cost, prices.cost)) filter (where not contacts.is_control), 0) as cost
  from core.contacts
  left join core.campaigns on campaigns.campaign_id = contacts.campaign_id
  left join prices
    on prices.channel = contacts.channel
    and prices.valid_from <= contacts.contacted_at
    and (prices.valid_to is null or contacts.contacted_at < prices.valid_to)
  group by 1, 2, 3, 4
),
answers as (
  select
    customer_id,
    reference as campaign_id,
    count(*) filter (where kind = 'email_opened') as opened,
    count(*) filter (where kind = 'email_clicked') as clicked,
    count(*) filter (where kind = 'email_bounced') as bounced
  from core.interactions
  where kind in ('email_opened', 'email_clicked', 'email_bounced')
  group by 1, 2
),
-- The response to a campaign is counted once, on the first day on which it reached the customer by e-mail.
numbered as (
  select *, row_number() over (partition by customer_id, campaign_id, channel order by contacted_on) as nth
  from sent
)
select
  numbered.customer_id,
  numbered.campaign_id,
  numbered.channel,
  numbered.contacted_on,
  numbered.contacts,
  numbered.controls,
  coalesce(answers.opened, 0) as opened,
  coalesce(answers.clicked, 0) as clicked,
  coalesce(answers.bounced, 0) as bounced,
  cast(numbered.cost as decimal(12, 4)) as cost
from numbered
left join answers
  on answers.customer_id = numbered.customer_id
  and answers.campaign_id = numbered.campaign_id
  and numbered.channel = 'email'
  and numbered.nth = 1
