-- Grain: one row per interaction of a customer, on any channel and both ways, in the order in which they
-- happened: `position` counts from 1. A card's number stays with the card.
select
  customer_id,
  cast(row_number() over (
    partition by customer_id
    order by occurred_at, channel, kind, reference, detail, amount, is_incident
  ) as bigint) as position,
  occurred_at,
  channel,
  kind,
  direction,
  case when kind <> 'card_opened' then reference end as reference,
  detail,
  amount,
  is_incident
from core.interactions
