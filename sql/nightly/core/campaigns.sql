-- Grain: one row per campaign: letters as the post was ordered, newsletters by their first mail.
select campaign_id, 'post' as channel, name, offer, sent_at, unit_cost, fixed_cost
from channel.letters
union all
select campaign_id, 'email', null, null, min(occurred_at), null, null
from channel.email_events
where event = 'sent'
group by campaign_id
