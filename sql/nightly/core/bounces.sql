-- Grain: one row per e-mail address from which something came back, and which has shown no sign of life since.
with events as (
  select
    email,
    max(occurred_at) filter (where event = 'bounced') as bounced_at,
    max(occurred_at) filter (where event in ('opened', 'clicked')) as answered_at
  from channel.email_events
  group by email
)
select 'email' as channel, email as address, bounced_at as valid_from
from events
where bounced_at is not null and (answered_at is null or answered_at < bounced_at)
