-- Grain: one row per kind of campaign that was to win customers: letters to chosen households (`targeted`) and leaflets for
-- every letter box (`blind`): what a customer costs by each, and what they have brought and will bring.
with campaigns as (
  select
    case when is_targeted then 'targeted' else 'blind' end as kind,
    count(*) as campaigns,
    sum(contacts) as contacts,
    sum(fixed_cost) as cost
  from channel.acquisition_campaigns
  group by 1
),
ranked as (
  select
    customer_id,
    campaign_id,
    case when is_targeted then 'targeted' when not is_targeted then 'blind' end as kind,
    row_number() over (partition by customer_id order by came_on, source, record_id) as nth
  from core.acquisitions
  where customer_id is not null
),
won as (
  select customer_id, kind from ranked where nth = 1 and kind is not null
),
booked as (
  select won.kind, won.customer_id, sum(ledger.amount) as brought
  from won
  join core.ledger on ledger.customer_id = won.customer_id and ledger.account <> 'acquisition'
  group by 1, 2
),
customers as (
  select
    won.kind,
    count(*) as customers,
    sum(coalesce(booked.brought, 0)) as brought,
    sum(cast(promised.value as decimal(18,2))) as value
  from won
  left join booked on booked.customer_id = won.customer_id
  left join mart.customer_value as promised on promised.customer_id = won.customer_id
  group by 1
),
paid as (
  select case when campaigns.is_targeted then 'targeted' else 'blind' end as kind, sum(costs.amount) as cost
  from core.shared_costs as costs
  join channel.acquisition_campaigns as campaigns on campaigns.campaign_id = costs.campaign_id
  where costs.account = 'acquisition'
  group by 1
)
select
  campaigns.kind,
  campaigns.campaigns,
  campaigns.contacts,
  cast(paid.cost as decimal(18,2)) as cost,
  coalesce(customers.customers, 0) as customers,
  round(cast(customers.customers as double) * 1000 / nullif(campaigns.contacts, 0), 3) as customers_per_1000_contacts,
  cast(round(paid.cost / nullif(campaigns.contacts, 0), 4) as decimal(18,4)) as cost_per_contact,
  cast(round(paid.cost / nullif(customers.customers, 0), 2) as decimal(18,2)) as cost_per_customer,
  cast(coalesce(customers.brought, 0) as decimal(18,2)) as brought,
  cast(round(customers.brought / nullif(customers.customers, 0), 2) as decimal(18,2)) as brought_per_customer,
  cast(round(customers.value / nullif(customers.customers, 0), 2) as decimal(18,2)) as value_per_customer,
  round(cast(coalesce(customers.brought, 0) as double) / nullif(cast(paid.cost as double), 0.0), 4) as brought_per_euro
from campaigns
join paid on paid.kind = campaigns.kind
left join customers on customers.kind = campaigns.kind
