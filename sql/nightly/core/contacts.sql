-- Grain: one row per person contacted by a campaign, or kept off it as control group.
select
  ids.customer_id,
  mailings.campaign_id,
  'post' as channel,
  mailings.mailed_at as contacted_at,
  mailings.is_control
from channel.mailings
join core.customer_ids as ids on ids.source = 'card' and ids.record_id = mailings.card
union all
select ids.customer_id, events.campaign_id, 'email', events.occurred_at, false
from channel.email_events as events
join core.customer_ids as ids on ids.source = 'email' and ids.record_id = events.email
where events.event = 'sent'
