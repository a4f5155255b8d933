-- Grain: one row per customer, channel, purpose and instant at which one of their records answered: what holds
-- from then until the next row. Of each record (card, e-mail address) the latest answer counts, of two
-- at one instant the no. Between the records of a customer one no is a no: it lasts until the record
-- that said it says yes. `records` have answered by then, `refusals` of them say no; `source` is the record that
-- answered at the instant, one that said no before one that said yes, and where it was asked.
with answers as (
  select 'card' as key_kind, card as key_value, channel, purpose, granted, valid_from, given_on
  from channel.consents
  where card is not null
  union all
  select 'email', email, channel, purpose, granted, valid_from, given_on
  from channel.consents
  where email is not null
),
-- An address that says no says it for everyone who uses it: for each customer one of whose records holds
-- the key, not only for the one who the address itself was found to be.
holders as (
  select source as key_kind, record_id as key_value, customer_id
  from core.customer_ids
  where source in ('card', 'email')
  union
  select keys.key_kind, keys.key_value, ids.customer_id
  from channel.person_keys as keys
  join core.customer_ids as ids on ids.source = keys.source and ids.record_id = keys.record_id
  where keys.key_kind in ('card', 'email')
),
said as (
  select
    holders.customer_id, answers.key_kind, answers.key_value, answers.channel, answers.purpose, answers.valid_from,
    case when bool_and(coalesce(answers.granted, false)) then 0 else 1 end as refuses,
    concat(
      answers.key_kind, ' ', answers.key_value, ', ',
      coalesce(
        min(answers.given_on) filter (where not coalesce(answers.granted, false)), min(answers.given_on), '?'
      )
    ) as source
  from answers
  join holders on holders.key_kind = answers.key_kind and holders.key_value = answers.key_value
  group by 1, 2, 3, 4, 5, 6
),
asked as (
  select
    customer_id, channel, purpose,
    count(*) as answers, min(refuses) as refuses, min(valid_from) as valid_from, min(source) as source
  from said
  group by customer_id, channel, purpose
),
-- Most answered once: there is nothing to follow, and a window for each would take longest.
followed as (
  select
    said.*,
    lag(said.refuses) over (
      partition by said.customer_id, said.key_kind, said.key_value, said.channel, said.purpose
      order by said.valid_from
    ) as refused
  from said
  join asked
    on asked.customer_id = said.customer_id and asked.channel = said.channel and asked.purpose = said.purpose
    and asked.answers > 1
),
-- How an instant changes the number of records that have answered, and of those that refuse.
changes as (
  select
    customer_id, channel, purpose, valid_from,
    sum(case when refused is null then 1 else 0 end) as more_records,
    sum(refuses - coalesce(refused, 0)) as more_refusals,
    coalesce(min(source) filter (where refuses = 1), min(source)) as source
  from followed
  group by customer_id, channel, purpose, valid_from
),
states as (
  select
    customer_id, channel, purpose, valid_from, source,
    sum(more_records) over until_then as records,
    sum(more_refusals) over until_then as refusals
  from changes
  window until_then as (
    partition by customer_id, channel, purpose order by valid_from rows unbounded preceding
  )
)
select customer_id, channel, purpose, refusals = 0 as granted, valid_from, records, refusals, source
from states
union all
select customer_id, channel, purpose, refuses = 0, valid_from, 1, refuses, source
from asked
where answers = 1
