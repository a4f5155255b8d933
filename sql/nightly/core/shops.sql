-- Grain: one row per shop.
select shop, city
from channel.shops
