-- Grain: one row per customer who has ordered: the channel, shop, weekday and hour of most of their orders,
-- on the clock of Paris. A return is no order.
with orders as (
  select customer_id, channel, shop, ordered_at at time zone 'Europe/Paris' as local_time
  from core.orders
  where customer_id is not null and not is_return
),
placed as (
  select
    customer_id,
    channel,
    shop,
    cast(date_part('isodow', local_time) as bigint) as weekday,
    cast(date_part('hour', local_time) as bigint) as hour
  from orders
),
counted as (
  select
    customer_id, channel, shop, weekday, hour, count(*) as orders,
    case
      when channel is not null then 'channel'
      when shop is not null then 'shop'
      when weekday is not null then 'weekday'
      when hour is not null then 'hour'
    end as habit
  from placed
  group by grouping sets (
    (customer_id, channel), (customer_id, shop), (customer_id, weekday), (customer_id, hour)
  )
),
usual as (
  select
    customer_id,
    first_value(channel order by orders desc, channel) filter (where habit = 'channel') as channel,
    first_value(shop order by orders desc, shop) filter (where habit = 'shop') as shop,
    max(orders) filter (where habit = 'shop') as shop_orders,
    first_value(weekday order by orders desc, weekday) filter (where habit = 'weekday') as weekday,
    first_value(hour order by orders desc, hour) filter (where habit = 'hour') as hour
  from counted
  group by customer_id
)
select
  usual.customer_id,
  usual.channel as usual_channel,
  usual.shop as usual_shop,
  shops.city as usual_shop_city,
  usual.shop_orders as usual_shop_orders,
  usual.weekday as usual_weekday,
  usual.hour as usual_hour
from usual
left join core.shops on shops.shop = usual.shop
