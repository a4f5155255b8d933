-- Grain: one household. Purpose: the full picture for people: profile, purchases, habits, campaigns.
-- It remembers nothing from earlier nights and knows nothing of segments and scores (join those by
-- customer_id). Nearly everybody spends most on GROCERY, so the favourite department leaves it out.
with visits as (
  select *, local_day($as_of) - order_day as days_ago
  from core.orders
),
purchases as (
  select
    customer_id,
    min(ordered_at) as first_order_at,
    max(ordered_at) as last_order_at,
    min(days_ago) as recency_days,
    max(days_ago) as tenure_days,
    count(*) as orders_total,
    count(distinct store_id) as stores_total,
    sum(lines) as lines_total,
    sum(net_amount) as net_amount_total,
    coalesce(sum(fuel_amount), 0) as fuel_amount_total,
    sum(loyalty_discount) as loyalty_discount_total,
    sum(coupon_discount) as coupon_discount_total,
    count(*) filter (where days_ago <= 30) as orders_30d,
    count(*) filter (where days_ago <= 90) as orders_90d,
    count(*) filter (where days_ago <= 365) as orders_365d,
    coalesce(sum(net_amount) filter (where days_ago <= 30), 0) as net_amount_30d,
    coalesce(sum(net_amount) filter (where days_ago <= 90), 0) as net_amount_90d,
    coalesce(sum(net_amount) filter (where days_ago <= 365), 0) as net_amount_365d
  from visits
  group by customer_id
),
stores as (
  select customer_id, store_id,
    row_number() over (partition by customer_id order by count(*) desc, store_id) as place
  from core.orders
  group by customer_id, store_id
),
departments as (
  select customer_id, department,
    row_number() over (partition by customer_id order by sum(net_amount) desc, department) as place
  from core.order_lines
  where not is_fuel and department <> 'GROCERY'
  group by customer_id, department
),
redeemed as (
  select customer_id, count(*) as redemptions_total, max(redeemed_at) as last_redemption_at
  from core.coupon_redemptions
  group by customer_id
),
mailed as (
  select
    customer_id,
    count(*) as mailings_total,
    count(*) filter (where local_day($as_of) - local_day(contacted_at) <= 30) as mailings_30d,
    max(contacted_at) as last_mailing_at
  from core.contacts
  group by customer_id
)
select
  customers.customer_id,
  customers.has_profile,
  customers.age_band,
  customers.income_band,
  customers.home_ownership,
  customers.marital_status,
  customers.household_size,
  customers.household_composition,
  customers.kids,
  purchases.first_order_at,
  purchases.last_order_at,
  purchases.recency_days,
  purchases.tenure_days,
  coalesce(purchases.orders_total, 0) as orders_total,
  coalesce(purchases.orders_30d, 0) as orders_30d,
  coalesce(purchases.orders_90d, 0) as orders_90d,
  coalesce(purchases.orders_365d, 0) as orders_365d,
  coalesce(purchases.lines_total, 0) as lines_total,
  cast(coalesce(purchases.net_amount_total, 0) as decimal(18, 2)) as net_amount_total,
  cast(coalesce(purchases.net_amount_30d, 0) as decimal(18, 2)) as net_amount_30d,
  cast(coalesce(purchases.net_amount_90d, 0) as decimal(18, 2)) as net_amount_90d,
  cast(coalesce(purchases.net_amount_365d, 0) as decimal(18, 2)) as net_amount_365d,
  cast(coalesce(purchases.fuel_amount_total, 0) as decimal(18, 2)) as fuel_amount_total,
  cast(coalesce(purchases.loyalty_discount_total, 0) as decimal(18, 2)) as loyalty_discount_total,
  cast(coalesce(purchases.coupon_discount_total, 0) as decimal(18, 2)) as coupon_discount_total,
  cast(purchases.net_amount_total as double) / purchases.orders_total as average_basket,
  coalesce(purchases.stores_total, 0) as stores_total,
  stores.store_id as favourite_store_id,
  departments.department as favourite_department,
  coalesce(mailed.mailings_total, 0) as mailings_total,
  coalesce(mailed.mailings_30d, 0) as mailings_30d,
  mailed.last_mailing_at,
  coalesce(redeemed.redemptions_total, 0) as redemptions_total,
  redeemed.last_redemption_at
from core.customers
left join purchases on purchases.customer_id = customers.customer_id
left join stores on stores.customer_id = customers.customer_id and stores.place = 1
left join departments on departments.customer_id = customers.customer_id and departments.place = 1
left join redeemed on redeemed.customer_id = customers.customer_id
left join mailed on mailed.customer_id = customers.customer_id
