-- Grain: one row per month and shop.
select
  cast(date_trunc('month', local_day(orders.ordered_at)) as date) as month,
  orders.shop,
  shops.city,
  count(*) filter (where not orders.is_return) as orders,
  count(orders.customer_id) filter (where not orders.is_return) as orders_with_card,
  sum(orders.net_amount) as net_amount
from core.orders
join core.shops on shops.shop = orders.shop
group by 1, 2, 3
