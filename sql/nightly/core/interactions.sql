-- Grain: one row per event between a customer and the company, on any channel and both ways:
-- `direction` is `in` for what the customer did, `out` for what the company did. `detail` holds a few
-- words, never personal data; `amount` is money where money changed hands.
select
  customer_id,
  ordered_at as occurred_at,
  channel,
  case when is_return then 'return' else 'order' end as kind,
  'in' as direction,
  order_id as reference,
  concat_ws(', ', shop, concat(lines, case when lines = 1 then ' line' else ' lines' end)) as detail,
  net_amount as amount,
  false as is_incident
from core.orders
where customer_id is not null
union all
select
  customer_id, delivered_at, 'web', 'delivery', 'out', order_id,
  case when is_late then 'late' end, null, is_late
from core.deliveries
where customer_id is not null
union all
select
  ids.customer_id, events.occurred_at, 'web', events.kind, 'in', events.product_id, events.subject, null, false
from channel.web_events as events
join core.customer_ids as ids on ids.source = 'cookie' and ids.record_id = events.cookie
union all
select
  ids.customer_id, events.occurred_at, 'email', 'email_' || events.event,
  case when events.event in ('sent', 'bounced') then 'out' else 'in' end,
  events.campaign_id, null, null, false
from channel.email_events as events
join core.customer_ids as ids on ids.source = 'email' and ids.record_id = events.email
union all
-- A letter kept back for the control group was never sent.
select
  contacts.customer_id, contacts.contacted_at, 'post', 'letter_sent', 'out',
  contacts.campaign_id, campaigns.name, null, false
from core.contacts
left join core.campaigns on campaigns.campaign_id = contacts.campaign_id
where contacts.channel = 'post' and not contacts.is_control
union all
select
  ids.customer_id, calls.started_at, 'phone', 'call', 'in', calls.call_id, calls.reason, null, calls.is_incident
from channel.calls
join core.customer_ids as ids on ids.source = 'call' and ids.record_id = calls.call_id
union all
select
  ids.customer_id, day_end(forms.filled_on), 'form', 'form', 'in', forms.form, forms.origin, null, false
from channel.forms
join core.customer_ids as ids on ids.source = 'form' and ids.record_id = forms.form
union all
select
  ids.customer_id, day_end(cards.created_on), 'shop', 'card_opened', 'in', cards.card, null, null, false
from channel.cards
join core.customer_ids as ids on ids.source = 'card' and ids.record_id = cards.card
union all
-- An answer names a card, or an address where there is none.
select
  coalesce(by_card.customer_id, by_email.customer_id), consents.valid_from, consents.given_on,
  case when consents.granted then 'consent_granted' else 'consent_refused' end,
  'in', null, concat_ws(', ', consents.channel, consents.purpose), null, false
from channel.consents
left join core.customer_ids as by_card on by_card.source = 'card' and by_card.record_id = consents.card
left join core.customer_ids as by_email on by_email.source = 'email' and by_email.record_id = consents.email
where coalesce(by_card.customer_id, by_email.customer_id) is not null
