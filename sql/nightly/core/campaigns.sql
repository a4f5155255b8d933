-- One row per campaign: letters as the post was ordered, newsletters by their first mail.
select campaign_id, 'post' as channel, name, offer, sent_at, unit_cost, fixed_cost
from raw.letters
union all
select
  campaign_id,
  'email',
  cast(null as varchar),
  cast(null as varchar),
  min(occurred_at),
  cast(null as decimal(12, 3)),
  cast(null as decimal(12, 2))
from channel.email_events
where event = 'sent'
group by campaign_id
