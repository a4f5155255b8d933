-- Grain: one row per key account: what it ordered, paid and brought, the effort it took, and the persons behind it.
with booked as (
  select
    organisation_id,
    sum(case when account = 'sales' then amount else 0 end) as net_amount,
    sum(case when account in ('sales', 'tax', 'product_cost') then amount else 0 end) as margin,
    sum(case when account = 'contact' then amount else 0 end) as visit_cost,
    sum(case when account in ('late_payment', 'bad_debt') then amount else 0 end) as payment_cost,
    sum(amount) as profit
  from core.ledger
  where organisation_id is not null
  group by organisation_id
),
billed as (
  select
    organisation_id,
    count(*) as invoices,
    max(issued_on) as last_invoice_on,
    count(*) filter (where paid_on is null and day_end(due_on) < $as_of) as invoices_overdue,
    sum(case when paid_on is null and day_end(due_on) < $as_of then amount else 0 end) as amount_overdue
  from core.invoices
  where is_key_account and organisation_id is not null
  group by organisation_id
),
visited as (
  select organisation_id, count(*) as visits, max(visited_on) as last_visit_on
  from core.visits
  where organisation_id is not null
  group by organisation_id
),
persons as (
  select distinct organisation_id, customer_id from core.organisation_contacts
),
behind as (
  select
    persons.organisation_id,
    count(*) as persons,
    sum(coalesce(profits.profit, 0)) as persons_profit,
    count(*) filter (where incidents.incident_is_open) as persons_with_open_incidents,
    sum(coalesce(interactions.interactions_365d, 0)) as persons_interactions_365d
  from persons
  left join mart.customer_profit as profits
    on profits.customer_id = persons.customer_id and profits.period = 'all'
  left join mart.customer_incidents as incidents on incidents.customer_id = persons.customer_id
  left join mart.customer_interactions as interactions on interactions.customer_id = persons.customer_id
  group by persons.organisation_id
)
select
  organisations.organisation_id,
  organisations.name,
  organisations.city,
  coalesce(billed.invoices, 0) as invoices,
  billed.last_invoice_on,
  cast(coalesce(booked.net_amount, 0) as decimal(18,2)) as net_amount,
  cast(coalesce(booked.margin, 0) as decimal(18,2)) as margin,
  cast(coalesce(booked.visit_cost, 0) as decimal(18,2)) as visit_cost,
  cast(coalesce(booked.payment_cost, 0) as decimal(18,2)) as payment_cost,
  cast(coalesce(booked.profit, 0) as decimal(18,2)) as profit,
  coalesce(billed.invoices_overdue, 0) as invoices_overdue,
  cast(coalesce(billed.amount_overdue, 0) as decimal(18,2)) as amount_overdue,
  coalesce(visited.visits, 0) as visits,
  visited.last_visit_on,
  coalesce(behind.persons, 0) as persons,
  cast(coalesce(behind.persons_profit, 0) as decimal(18,2)) as persons_profit,
  coalesce(behind.persons_with_open_incidents, 0) as persons_with_open_incidents,
  cast(coalesce(behind.persons_interactions_365d, 0) as bigint) as persons_interactions_365d
from core.organisations
left join booked on booked.organisation_id = organisations.organisation_id
left join billed on billed.organisation_id = organisations.organisation_id
left join visited on visited.organisation_id = organisations.organisation_id
left join behind on behind.organisation_id = organisations.organisation_id
