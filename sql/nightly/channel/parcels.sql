-- Grain: one row per parcel that was delivered; an order is one parcel.
select order_id, promised_on, delivered_at
from raw.parcels
