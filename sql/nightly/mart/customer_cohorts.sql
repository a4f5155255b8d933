-- Grain: one row per customer who has bought: by which channel they came, and the month of their first order, by which
-- cohorts are followed. Of who came before the records begin the first order is not known: they are in no cohort.
with first_orders as (
  select customer_id, min(local_day(ordered_at)) as first_order_on
  from core.orders
  where customer_id is not null and not is_return
  group by customer_id
),
records as (
  select cast(date_trunc('month', min(local_day(ordered_at))) as date) as since from core.orders
),
ranked as (
  select
    customer_id,
    acquisition_channel,
    is_targeted,
    came_on,
    row_number() over (partition by customer_id order by came_on, source, record_id) as nth
  from core.acquisitions
  where customer_id is not null
),
placed as (
  select
    first_orders.customer_id,
    coalesce(ranked.acquisition_channel, 'unknown') as acquisition_channel,
    ranked.is_targeted,
    ranked.came_on,
    first_orders.first_order_on,
    cast(date_trunc('month', first_orders.first_order_on) as date) as first_month,
    case
      when ranked.came_on < records.since then 'came before the records'
      when cast(date_trunc('month', first_orders.first_order_on) as date) + interval '1 month' > local_day($as_of)
        then 'first month not over'
      else 'followed'
    end as standing
  from first_orders
  cross join records
  left join ranked on ranked.customer_id = first_orders.customer_id and ranked.nth = 1
)
select
  customer_id,
  acquisition_channel,
  is_targeted,
  came_on,
  first_order_on,
  standing,
  case when standing = 'followed' then first_month end as cohort_month
from placed
