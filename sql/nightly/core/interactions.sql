-- One row per event between a customer and the company, on any channel and both ways:
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
select i.customer_id, e.occurred_at, 'web', e.kind, 'in', e.product_id, e.subject, null, false
from channel.web_events e
join core.customer_ids i on i.source = 'cookie' and i.record_id = e.cookie
union all
select
  i.customer_id, e.occurred_at, 'email', 'email_' || e.event,
  case when e.event in ('sent', 'bounced') then 'out' else 'in' end,
  e.campaign_id, null, null, false
from channel.email_events e
join core.customer_ids i on i.source = 'email' and i.record_id = e.email
union all
-- A letter kept back for the control group was never sent.
select k.customer_id, k.contacted_at, 'post', 'letter_sent', 'out', k.campaign_id, c.name, null, false
from core.contacts k
left join core.campaigns c on c.campaign_id = k.campaign_id
where k.channel = 'post' and not k.is_control
union all
select i.customer_id, c.started_at, 'phone', 'call', 'in', c.call_id, c.reason, null, c.is_incident
from channel.calls c
join core.customer_ids i on i.source = 'call' and i.record_id = c.call_id
union all
select
  i.customer_id,
  day_end(f.filled_on),
  'form', 'form', 'in', f.form, f.origin, null, false
from raw.forms f
join core.customer_ids i on i.source = 'form' and i.record_id = f.form
union all
select
  i.customer_id,
  day_end(c.created_on),
  'shop', 'card_opened', 'in', c.card, null, null, false
from channel.cards c
join core.customer_ids i on i.source = 'card' and i.record_id = c.card
union all
select
  coalesce(i.customer_id, e.customer_id), c.valid_from, c.given_on,
  case when c.granted then 'consent_granted' else 'consent_refused' end,
  'in', null, concat_ws(', ', c.channel, c.purpose), null, false
from channel.consents c
left join core.customer_ids i on i.source = 'card' and i.record_id = c.card
left join core.customer_ids e on e.source = 'email' and e.record_id = c.email
where coalesce(i.customer_id, e.customer_id) is not null
