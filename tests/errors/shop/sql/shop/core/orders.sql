-- Grain: one row per order.
select order_id, customer_id, ordered_at, net_amount, channel
from raw.orders
