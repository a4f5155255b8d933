-- One row a thing that happened between a customer and the company, on any channel.
select
  customer_id,
  ordered_at as occurred_at,
  channel,
  case when is_return then 'return' else 'order' end as kind,
  order_id as reference,
  cast(null as varchar) as detail,
  false as is_incident
from core.orders
where customer_id is not null
union all
select customer_id, delivered_at, 'web', 'delivery', order_id, cast(null as varchar), is_late
from core.deliveries
where customer_id is not null
union all
select i.customer_id, e.occurred_at, 'web', e.kind, e.product_id, e.subject, false
from channel.web_events e
join core.customer_ids i on i.source = 'cookie' and i.record_id = e.cookie
union all
select i.customer_id, e.occurred_at, 'email', 'email_' || e.event, e.campaign_id, cast(null as varchar), false
from channel.email_events e
join core.customer_ids i on i.source = 'email' and i.record_id = e.email
union all
select i.customer_id, c.started_at, 'phone', 'call', c.call_id, c.reason, c.is_incident
from channel.calls c
join core.customer_ids i on i.source = 'call' and i.record_id = c.call_id
union all
select
  i.customer_id,
  arrow_cast(f.filled_on, 'Timestamp(Microsecond, Some("UTC"))'),
  'form',
  'form',
  f.form,
  f.origin,
  false
from raw.forms f
join core.customer_ids i on i.source = 'form' and i.record_id = f.form
union all
select
  i.customer_id,
  arrow_cast(c.created_on, 'Timestamp(Microsecond, Some("UTC"))'),
  'shop',
  'card_opened',
  c.card,
  cast(null as varchar),
  false
from channel.cards c
join core.customer_ids i on i.source = 'card' and i.record_id = c.card
