-- One row per dated answer of a customer on a channel; of two at one instant the stricter counts.
select i.customer_id, c.channel, bool_and(c.granted) as granted, c.valid_from
from raw.consents c
join core.customer_ids i on i.source = 'card' and i.record_id = c.card
group by i.customer_id, c.channel, c.valid_from
