-- Grain: one row per customer: the golden record, since when they are known, and who they live with.
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
  select ids.customer_id, min(persons.known_since) as known_since
  from channel.persons
  join core.customer_ids as ids on ids.source = persons.source and ids.record_id = persons.record_id
  group by ids.customer_id
)
select
  golden.customer_id,
  golden.title,
  golden.first_name,
  golden.last_name,
  golden.birth_date,
  coalesce(golden.email, reached.email) as email,
  -- People write it in many ways; lists and call centres need one. In France unless it says otherwise.
  standard_phone(golden.phone, 'FR') as phone,
  golden.street,
  golden.postcode,
  golden.city,
  golden.preferred_contact,
  golden.interests,
  known.known_since,
  reached.cards,
  reached.accounts,
  households.household_id,
  households.members as household_members
from core.golden_records as golden
join reached on reached.customer_id = golden.customer_id
left join known on known.customer_id = golden.customer_id
left join core.households on households.customer_id = golden.customer_id
