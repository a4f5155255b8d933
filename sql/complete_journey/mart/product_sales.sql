-- Grain: one product that was sold. Purpose: the assortment by money, reach and discount.
with by_customer as (
  select
    product_id, customer_id,
    count(*) as orders,
    sum(quantity) as quantity,
    sum(net_amount) as net_amount,
    sum(loyalty_discount) as loyalty_discount,
    sum(coupon_discount + coupon_match_discount) as coupon_discount,
    min(order_day) as first_sold_on,
    max(order_day) as last_sold_on
  from core.order_lines
  group by product_id, customer_id
),
sold as (
  select
    product_id,
    count(*) as customers,
    cast(sum(orders) as bigint) as orders,
    sum(quantity) as quantity,
    cast(sum(net_amount) as decimal(18, 2)) as net_amount,
    cast(sum(loyalty_discount) as decimal(18, 2)) as loyalty_discount,
    cast(sum(coupon_discount) as decimal(18, 2)) as coupon_discount,
    min(first_sold_on) as first_sold_on,
    max(last_sold_on) as last_sold_on
  from by_customer
  group by product_id
)
select
  products.product_id, products.product_name, products.category, products.department, products.brand,
  products.is_fuel, products.is_listed,
  sold.customers, sold.orders, sold.quantity, sold.net_amount, sold.loyalty_discount, sold.coupon_discount,
  sold.first_sold_on, sold.last_sold_on
from sold
join core.products on products.product_id = sold.product_id
