-- Grain: one row per parcel delivered; more than two days late is a bad service incident.
with orders as (
  select distinct order_id, customer_id from core.order_lines where channel = 'web'
)
select
  parcels.order_id,
  orders.customer_id,
  parcels.promised_on,
  parcels.delivered_at,
  local_day(parcels.delivered_at) > parcels.promised_on + interval '2 days' as is_late
from channel.parcels
join orders on orders.order_id = parcels.order_id
