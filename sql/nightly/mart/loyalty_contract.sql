-- Grain: one row per customer who holds a card of the loyalty scheme, has bought, or was given something: what they were
-- given and what they gave back since the beginning. For members that is the day of their card, for others the day on
-- which they came, so that the two can be compared (`mart.loyalty_balance`).
with joined as (
  select ids.customer_id, min(cards.created_on) as joined_on
  from channel.cards
  join core.customer_ids as ids on ids.source = 'card' and ids.record_id = cards.card
  group by 1
),
rewarded as (
  select customer_id, count(*) as rewards, sum(amount) as amount, min(given_on) as first_on
  from core.rewards
  where customer_id is not null
  group by 1
),
parties as (
  select
    customers.customer_id,
    joined.customer_id is not null as is_member,
    case
      when joined.customer_id is not null then joined.joined_on
      when cohorts.customer_id is not null then least(cohorts.came_on, cohorts.first_order_on)
      else rewarded.first_on
    end as begins_on
  from core.customers
  left join joined on joined.customer_id = customers.customer_id
  left join mart.customer_cohorts as cohorts on cohorts.customer_id = customers.customer_id
  left join rewarded on rewarded.customer_id = customers.customer_id
  where joined.customer_id is not null or cohorts.customer_id is not null or rewarded.customer_id is not null
),
records as (select min(local_day(ordered_at)) as since from core.orders),
happened as (
  select
    parties.customer_id,
    events.channel,
    events.kind,
    events.occurred_at,
    events.amount
  from parties
  join core.interactions as events
    on events.customer_id = parties.customer_id and events.occurred_at >= day_start(parties.begins_on)
),
counted as (
  select
    customer_id,
    count(*) filter (where kind = 'email_sent') as mails,
    count(*) filter (where kind = 'letter_sent') as letters,
    count(*) filter (where kind = 'email_opened') as mails_opened,
    count(*) filter (where kind = 'email_clicked') as mails_clicked,
    count(*) filter (where kind in ('form', 'consent_granted', 'consent_refused')) as statements,
    count(*) filter (where kind = 'order') as orders,
    sum(case when kind = 'order' then amount else 0 end) as spent
  from happened
  group by 1
),
-- Several pages, or tickets, of a day are one visit; made distinct before they are counted, which spills to disk.
visited as (
  select
    customer_id,
    count(*) filter (where place = 'web') as web_visits,
    count(*) filter (where place = 'shop') as shop_visits
  from (
    select distinct
      customer_id,
      case when kind in ('page_view', 'favourite', 'information_request') then 'web' else 'shop' end as place,
      local_day(occurred_at) as visited_on
    from happened
    where kind in ('page_view', 'favourite', 'information_request')
      or (channel = 'shop' and kind in ('order', 'return'))
  ) as visits
  group by 1
),
called as (
  select
    parties.customer_id,
    count(*) as calls,
    count(*) filter (where calls.is_resolved) as calls_resolved,
    count(calls.satisfaction) as satisfaction_answers
  from parties
  join core.calls as calls
    on calls.customer_id = parties.customer_id and calls.started_at >= day_start(parties.begins_on)
  group by 1
),
booked as (
  select
    parties.customer_id,
    sum(case when ledger.account in ('sales', 'discounts', 'returns') then ledger.amount else 0 end) as net_amount,
    coalesce(
      sum(ledger.amount) filter (where ledger.account in ('sales', 'discounts', 'returns', 'tax', 'product_cost')), 0
    ) as margin,
    -sum(case when ledger.account in ('contact', 'campaign') then ledger.amount else 0 end) as contact_cost
  from parties
  join core.ledger on ledger.customer_id = parties.customer_id and ledger.booked_at >= day_start(parties.begins_on)
  group by 1
)
select
  parties.customer_id,
  parties.is_member,
  parties.begins_on,
  cast(local_day($as_of) - greatest(parties.begins_on, records.since) as bigint) as days,
  -- given
  case when parties.is_member then cast(floor(coalesce(counted.spent, 0)) as bigint) end as points,
  coalesce(rewarded.rewards, 0) as rewards,
  cast(coalesce(rewarded.amount, 0) as decimal(18,2)) as rewards_amount,
  coalesce(counted.mails, 0) as mails,
  coalesce(counted.letters, 0) as letters,
  coalesce(called.calls, 0) as calls,
  coalesce(called.calls_resolved, 0) as calls_resolved,
  cast(coalesce(booked.contact_cost, 0) as decimal(18,2)) as contact_cost,
  -- given back
  coalesce(counted.orders, 0) as orders,
  cast(coalesce(booked.net_amount, 0) as decimal(18,2)) as net_amount,
  cast(coalesce(booked.margin, 0) as decimal(18,2)) as margin,
  coalesce(counted.mails_opened, 0) as mails_opened,
  coalesce(counted.mails_clicked, 0) as mails_clicked,
  coalesce(called.satisfaction_answers, 0) as satisfaction_answers,
  coalesce(counted.statements, 0) as statements,
  coalesce(visited.web_visits, 0) as web_visits,
  coalesce(visited.shop_visits, 0) as shop_visits,
  cast(
    coalesce(booked.margin, 0) - coalesce(rewarded.amount, 0) - coalesce(booked.contact_cost, 0) as decimal(18,2)
  ) as balance
from parties
cross join records
left join rewarded on rewarded.customer_id = parties.customer_id
left join counted on counted.customer_id = parties.customer_id
left join visited on visited.customer_id = parties.customer_id
left join called on called.customer_id = parties.customer_id
left join booked on booked.customer_id = parties.customer_id
