-- Grain: one row per customer, and one for all sales whose customer is not known. Nothing that names a person: what
-- tells customers apart is the id. The value to come is in mart.customer_value.
with ordered as (
  select
    customer_id,
    channel,
    local_day(ordered_at) as ordered_on,
    row_number() over (partition by customer_id order by ordered_at, order_id) as nth
  from core.orders
  where customer_id is not null and not is_return
),
first_orders as (select * from ordered where nth = 1)
select
  customers.customer_id,
  true as is_known,
  customers.known_since,
  first_orders.ordered_on as first_order_on,
  case
    when first_orders.customer_id is null then '(none)'
    else concat(
      cast(date_part('year', first_orders.ordered_on) as int), '-Q',
      cast(date_part('quarter', first_orders.ordered_on) as int)
    )
  end as cohort,
  coalesce(first_orders.channel, '(none)') as first_channel,
  first_orders.customer_id is null as is_prospect,
  coalesce(segments.segment_name, '(none)') as segment_name,
  coalesce(left(customers.postcode, 2), '(none)') as postcode_prefix
from core.customers
left join first_orders on first_orders.customer_id = customers.customer_id
left join mart.segments on segments.customer_id = customers.customer_id
union all
select '(unknown)', false, null, null, '(unknown)', '(unknown)', false, '(unknown)', '(unknown)'
