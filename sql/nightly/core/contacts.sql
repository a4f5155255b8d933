-- One row per person contacted by a campaign, or kept off it as control group.
select
  i.customer_id,
  m.campaign_id,
  'post' as channel,
  m.mailed_at as contacted_at,
  m.mailing_group = 'témoin' as is_control
from raw.mailings m
join core.customer_ids i on i.source = 'card' and i.record_id = m.card
union all
select i.customer_id, e.campaign_id, 'email', e.occurred_at, false
from channel.email_events e
join core.customer_ids i on i.source = 'email' and i.record_id = e.email
where e.event = 'sent'
