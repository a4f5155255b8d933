-- Grain: one row per order, and one per return of goods, whose amounts are negative.
select
  order_id,
  customer_id,
  shop_id,
  ordered_on,
  ordered_at,
  channel,
  is_return,
  count(*) as lines,
  sum(quantity) as quantity,
  cast(sum(gross_amount) as decimal(15, 2)) as gross_amount,
  cast(sum(discount) as decimal(15, 2)) as discount,
  cast(sum(net_amount) as decimal(15, 2)) as net_amount,
  -- Not known where the cost of a line is not.
  cast(case when count(cost) = count(*) then sum(cost) end as decimal(15, 2)) as cost,
  cast(case when count(margin) = count(*) then sum(margin) end as decimal(15, 2)) as margin
from mart.fct_order_lines
group by order_id, customer_id, shop_id, ordered_on, ordered_at, channel, is_return
