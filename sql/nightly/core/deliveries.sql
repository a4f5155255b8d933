-- One row per parcel delivered; more than two days late is a bad service incident.
with orders as (
  select distinct order_id, customer_id from core.order_lines where channel = 'web'
)
select
  p.order_id,
  o.customer_id,
  p.promised_on,
  p.delivered_at,
  local_day(p.delivered_at) > p.promised_on + interval '2 days' as is_late
from raw.parcels p
join orders o on o.order_id = p.order_id
