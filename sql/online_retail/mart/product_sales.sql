-- Grain: one product that was sold. Purpose: the assortment by money, pieces and reach.
with sold as (
  select product_id,
    count(distinct order_id) as orders,
    count(distinct customer_id) as customers,
    sum(quantity) as pieces,
    cast(sum(net_amount) as decimal(18, 3)) as net_amount,
    min(order_day) as first_sold_on,
    max(order_day) as last_sold_on
  from core.order_lines
  where line_kind in ('product', 'voucher')
  group by product_id
)
select sold.product_id, products.product_name, products.kind, sold.orders, sold.customers, sold.pieces, sold.net_amount,
  sold.first_sold_on, sold.last_sold_on
from sold
join core.products on products.product_id = sold.product_id
