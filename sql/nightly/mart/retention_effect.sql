-- Grain: one row per dimension (`all`, the segment, the channel by which customers came) and its value: what five points
-- more retention would be worth. A customer who brings a margin m a year, and each year is kept with probability r, will
-- bring m · r / (1 + i − r), discounted by i a year: the margin multiple of Gupta and Lehmann (2003).
-- Retention is observed, and not on tonight's segments, which know who bought lately: like customers of a year ago (as
-- many orders in the year before, as long since the last) say how many buy again.
with declared as (
  select max(discount_rate) as discount_rate from mart.customer_value
),
ordered as (
  select
    customer_id,
    ordered_at,
    ordered_at + interval '365 days' >= $as_of as is_this_year,
    ordered_at + interval '365 days' < $as_of and ordered_at + interval '730 days' >= $as_of as is_last_year
  from core.orders
  where customer_id is not null and not is_return
),
counted as (
  select
    customer_id,
    count(*) filter (where is_last_year) as orders_then,
    max(ordered_at + interval '365 days') filter (where is_last_year) as last_then,
    count(*) filter (where is_this_year) as orders_now,
    max(ordered_at) filter (where is_this_year) as last_now
  from ordered
  group by customer_id
),
years as (
  select customer_id, true as is_now, orders_now as orders, last_now as last_at, false as bought_again
  from counted
  where orders_now > 0
  union all
  select customer_id, false, orders_then, last_then, orders_now > 0
  from counted
  where orders_then > 0
),
placed as (
  select
    customer_id,
    is_now,
    bought_again,
    case when orders >= 8 then 8 when orders >= 4 then 4 when orders >= 2 then 2 else 1 end as orders_band,
    case
      when last_at + interval '91 days' >= $as_of then 1
      when last_at + interval '182 days' >= $as_of then 2
      else 3
    end as silence_band
  from years
),
cells as (
  select
    orders_band,
    silence_band,
    count(*) as customers,
    count(*) filter (where bought_again) as kept
  from placed
  where not is_now
  group by 1, 2
),
bands as (
  select orders_band, sum(customers) as customers, sum(kept) as kept from cells group by 1
),
everybody as (select sum(customers) as customers, sum(kept) as kept from cells),
-- Fewer than thirty alike say little: then all with as many orders, or all.
expected as (
  select
    placed.customer_id,
    cast(
      case
        when cells.customers >= 30 then cast(cells.kept as double) / cells.customers
        when bands.customers >= 30 then cast(bands.kept as double) / bands.customers
        else cast(everybody.kept as double) / everybody.customers
      end as decimal(18,12)
    ) as retention
  from placed
  left join cells on cells.orders_band = placed.orders_band and cells.silence_band = placed.silence_band
  left join bands on bands.orders_band = placed.orders_band
  cross join everybody
  where placed.is_now
),
margins as (
  select customer_id, sum(amount) as margin
  from core.ledger
  where customer_id is not null
    and booked_at + interval '365 days' >= $as_of
    and account in ('sales', 'discounts', 'returns', 'tax', 'product_cost')
  group by customer_id
),
known as (
  select
    expected.customer_id,
    expected.retention,
    coalesce(margins.margin, 0) as margin,
    coalesce(segments.segment_name, '(none)') as segment_name,
    coalesce(cohorts.acquisition_channel, 'unknown') as acquisition_channel
  from expected
  left join margins on margins.customer_id = expected.customer_id
  left join mart.segments on segments.customer_id = expected.customer_id
  left join mart.customer_cohorts as cohorts on cohorts.customer_id = expected.customer_id
),
split as (
  select
    customer_id, retention, margin,
    unnest(make_array('all', 'segment', 'acquisition_channel')) as dimension,
    unnest(make_array('all', segment_name, acquisition_channel)) as dimension_value
  from known
),
summed as (
  select
    dimension,
    dimension_value,
    count(*) as customers,
    sum(margin) as margin,
    cast(sum(retention) as double) / nullif(count(retention), 0) as retention
  from split
  group by 1, 2
),
raised as (
  select *, case when retention + 0.05 > 1.0 then 1.0 else retention + 0.05 end as retention_plus_5
  from summed
),
multiplied as (
  select
    raised.*,
    declared.discount_rate,
    cast(margin as double) / customers as margin_per_customer,
    retention / nullif(1.0 + declared.discount_rate - retention, 0.0) as multiple,
    retention_plus_5 / nullif(1.0 + declared.discount_rate - retention_plus_5, 0.0) as multiple_plus_5
  from raised
  cross join declared
)
select
  dimension,
  dimension_value,
  customers,
  cast(margin as decimal(18,2)) as margin,
  cast(round(margin_per_customer, 2) as decimal(18,2)) as margin_per_customer,
  round(retention, 6) as retention,
  round(retention_plus_5, 6) as retention_plus_5,
  discount_rate,
  round(multiple, 6) as margin_multiple,
  round(multiple_plus_5, 6) as margin_multiple_plus_5,
  cast(round(margin_per_customer * multiple, 2) as decimal(18,2)) as worth_per_customer,
  cast(round(margin_per_customer * (multiple_plus_5 - multiple), 2) as decimal(18,2)) as effect_per_customer,
  cast(round(cast(margin as double) * (multiple_plus_5 - multiple), 2) as decimal(18,2)) as effect,
  round(multiple_plus_5 / nullif(multiple, 0.0) - 1.0, 6) as effect_share
from multiplied
