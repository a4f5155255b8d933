-- One row per month and shop.
select
  cast(date_trunc('month', local_day(o.ordered_at)) as date) as month,
  o.shop,
  s.city,
  count(*) filter (where not o.is_return) as orders,
  count(o.customer_id) filter (where not o.is_return) as orders_with_card,
  sum(o.net_amount) as net_amount
from core.orders o
join raw.shops s on s.shop = o.shop
group by 1, 2, 3
