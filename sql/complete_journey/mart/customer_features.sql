-- Grain: one household that had bought before $as_of. Purpose: what is known of its behaviour at that
-- instant; feeds segments and churn. Counts and money are summed as integers and decimals, ratios
-- come last. Days are New York's; a window of n days ends with the day before $as_of.
with visits as (
  select *, local_day($as_of) - order_day as days_ago
  from core.orders
),
bought as (
  select
    customer_id,
    min(days_ago) as recency_days,
    max(days_ago) as tenure_days,
    count(*) as orders_total,
    count(distinct order_day) as visit_days,
    count(distinct order_day) filter (where days_ago <= 14) as visit_days_14d,
    count(distinct order_day) filter (where days_ago <= 30) as visit_days_30d,
    count(distinct order_day) filter (where days_ago <= 60) as visit_days_60d,
    count(distinct order_day) filter (where days_ago <= 90) as visit_days_90d,
    count(distinct order_day) filter (where days_ago <= 180) as visit_days_180d,
    count(*) filter (where days_ago <= 90) as orders_90d,
    count(distinct (days_ago - 1) / 7) filter (where days_ago <= 91) as active_weeks_13w,
    count(distinct store_id) filter (where days_ago <= 90) as stores_90d,
    coalesce(sum(departments) filter (where days_ago <= 90), 0) as departments_90d,
    coalesce(sum(pieces) filter (where days_ago <= 90), 0) as pieces_90d,
    sum(net_amount) as net_amount_total,
    coalesce(sum(net_amount) filter (where days_ago <= 30), 0) as net_amount_30d,
    coalesce(sum(net_amount) filter (where days_ago <= 90), 0) as net_amount_90d,
    coalesce(sum(fuel_amount) filter (where days_ago <= 90), 0) as fuel_amount_90d,
    coalesce(sum(loyalty_discount) filter (where days_ago <= 90), 0) as loyalty_discount_90d,
    coalesce(sum(coupon_discount) filter (where days_ago <= 90), 0) as coupon_discount_90d
  from visits
  group by customer_id
),
redeemed as (
  select customer_id, count(*) as redemptions
  from core.coupon_redemptions
  group by customer_id
),
mailed as (
  select customer_id, count(*) as mailings
  from core.contacts
  group by customer_id
)
select
  bought.customer_id,
  bought.recency_days,
  bought.tenure_days,
  bought.orders_total,
  bought.visit_days,
  bought.visit_days_14d,
  bought.visit_days_30d,
  bought.visit_days_60d,
  bought.visit_days_90d,
  bought.visit_days_180d,
  bought.orders_90d,
  bought.active_weeks_13w,
  bought.stores_90d,
  bought.pieces_90d,
  cast(bought.net_amount_total as double) as net_amount_total,
  cast(bought.net_amount_30d as double) as net_amount_30d,
  cast(bought.net_amount_90d as double) as net_amount_90d,
  -- Of a quarter without a visit or without money the shares are zero.
  coalesce(cast(bought.net_amount_90d as double) / nullif(bought.orders_90d, 0), 0.0) as average_basket_90d,
  coalesce(cast(bought.departments_90d as double) / nullif(bought.orders_90d, 0), 0.0) as departments_per_order_90d,
  coalesce(
    cast(bought.fuel_amount_90d as double) / nullif(cast(bought.net_amount_90d as double), 0.0), 0.0
  ) as fuel_share_90d,
  coalesce(
    cast(bought.loyalty_discount_90d as double)
      / nullif(cast(bought.net_amount_90d + bought.loyalty_discount_90d as double), 0.0),
    0.0
  ) as discount_share_90d,
  coalesce(
    cast(bought.coupon_discount_90d as double)
      / nullif(cast(bought.net_amount_90d + bought.coupon_discount_90d as double), 0.0),
    0.0
  ) as coupon_share_90d,
  -- The usual distance between two visit days; with a single one, all that is known is the wait since.
  coalesce(
    cast(bought.tenure_days - bought.recency_days as double) / nullif(bought.visit_days - 1, 0),
    cast(bought.tenure_days as double)
  ) as mean_gap_days,
  coalesce(redeemed.redemptions, 0) as redemptions_total,
  coalesce(mailed.mailings, 0) as mailings_total
from bought
left join redeemed on redeemed.customer_id = bought.customer_id
left join mailed on mailed.customer_id = bought.customer_id
