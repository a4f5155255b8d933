-- One row a dated answer of a customer on a channel. Where a customer answered twice on a day, the
-- strictest counts.
with known as (
  select i.customer_id, c.channel, c.granted, c.valid_from
  from channel.consents c
  join core.customer_ids i on i.source = 'card' and i.record_id = c.card
  union all
  select i.customer_id, c.channel, c.granted, c.valid_from
  from channel.consents c
  join core.customer_ids i on i.source = 'email' and i.record_id = c.email
)
select customer_id, channel, bool_and(granted) as granted, valid_from
from known
group by customer_id, channel, valid_from
