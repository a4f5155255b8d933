-- Grain: one row per shop; the web shop is one, and so is a shop that only its tickets name.
select shop as shop_id, city, 'shop' as channel from core.shops
union all
select distinct lines.shop, '(unknown)', 'shop'
from core.order_lines as lines
left join core.shops on shops.shop = lines.shop
where lines.shop is not null and shops.shop is null
union all
select 'web', '(web)', 'web'
