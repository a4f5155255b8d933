-- One row a customer, channel, purpose and instant at which one of their records answered: what holds
-- from then until the next row. Of each record (card, e-mail address) the latest answer counts, of two
-- at one instant the no. Between the records of a customer one no is a no: it lasts until the record
-- that said it says yes. `records` have answered by then, `refusals` of them say no.
with answers as (
  select 'card' as source, card as record_id, channel, purpose, granted, valid_from
  from channel.consents
  where card is not null
  union all
  select 'email', email, channel, purpose, granted, valid_from
  from channel.consents
  where email is not null
),
said as (
  select
    i.customer_id, a.source, a.record_id, a.channel, a.purpose, a.valid_from,
    case when bool_and(a.granted) then 0 else 1 end as refuses
  from answers a
  join core.customer_ids i on i.source = a.source and i.record_id = a.record_id
  group by i.customer_id, a.source, a.record_id, a.channel, a.purpose, a.valid_from
),
asked as (
  select
    customer_id, channel, purpose,
    count(*) as answers, min(refuses) as refuses, min(valid_from) as valid_from
  from said
  group by customer_id, channel, purpose
),
-- Most answered once: there is nothing to follow, and a window for each would take longest.
followed as (
  select
    s.*,
    lag(s.refuses) over (
      partition by s.source, s.record_id, s.channel, s.purpose order by s.valid_from
    ) as refused
  from said s
  join asked a
    on a.customer_id = s.customer_id and a.channel = s.channel and a.purpose = s.purpose and a.answers > 1
),
-- How an instant changes the number of records that have answered, and of those that refuse.
changes as (
  select
    customer_id, channel, purpose, valid_from,
    sum(case when refused is null then 1 else 0 end) as more_records,
    sum(refuses - coalesce(refused, 0)) as more_refusals
  from followed
  group by customer_id, channel, purpose, valid_from
),
states as (
  select
    customer_id, channel, purpose, valid_from,
    sum(more_records) over (
      partition by customer_id, channel, purpose order by valid_from rows unbounded preceding
    ) as records,
    sum(more_refusals) over (
      partition by customer_id, channel, purpose order by valid_from rows unbounded preceding
    ) as refusals
  from changes
)
select customer_id, channel, purpose, refusals = 0 as granted, valid_from, records, refusals
from states
union all
select customer_id, channel, purpose, refuses = 0, valid_from, 1, refuses
from asked
where answers = 1
