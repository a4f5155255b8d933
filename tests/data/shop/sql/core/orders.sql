-- One row per order.
select order_id, customer_id, ordered_at, channel, sum(quantity) as quantity, sum(net_amount) as net_amount
from core.order_lines
group by order_id, customer_id, ordered_at, channel
