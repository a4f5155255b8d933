-- One row per customer: the golden record, since when they are known, and who they live with.
with reached as (
  select
    customer_id,
    -- Who is known by an e-mail alone has no record that says so.
    min(case when source = 'email' then record_id end) as email,
    count(*) filter (where source = 'card') as cards,
    count(*) filter (where source = 'account') as accounts
  from core.customer_ids
  group by customer_id
),
known as (
  select i.customer_id, min(p.known_since) as known_since
  from channel.persons p
  join core.customer_ids i on i.source = p.source and i.record_id = p.record_id
  group by i.customer_id
)
select
  g.customer_id,
  g.title,
  g.first_name,
  g.last_name,
  g.birth_date,
  coalesce(g.email, r.email) as email,
  g.phone,
  g.street,
  g.postcode,
  g.city,
  g.preferred_contact,
  g.interests,
  k.known_since,
  r.cards,
  r.accounts,
  h.household_id,
  h.members as household_members
from core.golden_records g
join reached r on r.customer_id = g.customer_id
left join known k on k.customer_id = g.customer_id
left join core.households h on h.customer_id = g.customer_id
