-- One row a customer known at $as_of: what the past shows, for segments and churn.
-- Counts and sums are exact; the divisions come after them.
with orders as (
  select
    customer_id,
    max(ordered_at) as last_at,
    min(ordered_at) as first_at,
    count(*) as orders_total,
    count(*) filter (where ordered_at >= $as_of - interval '90 days') as orders_90d,
    count(*) filter (
      where ordered_at >= $as_of - interval '180 days' and ordered_at < $as_of - interval '90 days'
    ) as orders_90_180d,
    count(*) filter (where ordered_at >= $as_of - interval '365 days') as orders_365d,
    count(*) filter (where channel = 'web') as web_orders,
    sum(lines) as lines,
    sum(discount) as discount,
    sum(net_amount) as net_amount_total,
    coalesce(sum(net_amount) filter (where ordered_at >= $as_of - interval '365 days'), 0)
      as net_amount_365d
  from core.orders
  where customer_id is not null and not is_return
  group by customer_id
),
events as (
  select
    customer_id,
    min(occurred_at) as known_at,
    count(*) filter (where is_incident and occurred_at >= $as_of - interval '30 days') as incidents_30d,
    count(*) filter (where is_incident and occurred_at >= $as_of - interval '90 days') as incidents_90d,
    count(*) filter (where kind = 'return') as returns_total,
    count(*) filter (where kind = 'call' and occurred_at >= $as_of - interval '365 days') as calls_365d,
    count(*) filter (where kind = 'email_sent' and occurred_at >= $as_of - interval '90 days')
      as emails_sent_90d,
    count(*) filter (where kind = 'email_opened' and occurred_at >= $as_of - interval '90 days')
      as emails_opened_90d,
    count(*) filter (
      where kind = 'email_opened'
        and occurred_at >= $as_of - interval '180 days' and occurred_at < $as_of - interval '90 days'
    ) as emails_opened_90_180d,
    count(distinct case
      when kind in ('page_view', 'favourite', 'information_request')
        and occurred_at >= $as_of - interval '90 days'
      then date_trunc('day', occurred_at)
    end) as web_visits_90d
  from core.interactions
  group by customer_id
)
select
  e.customer_id,
  cast((to_unixtime($as_of) - to_unixtime(o.last_at)) / 86400 as bigint) as recency_days,
  cast((to_unixtime($as_of) - to_unixtime(coalesce(o.first_at, e.known_at))) / 86400 as bigint)
    as tenure_days,
  coalesce(o.orders_total, 0) as orders_total,
  coalesce(o.orders_90d, 0) as orders_90d,
  coalesce(o.orders_90_180d, 0) as orders_90_180d,
  coalesce(o.orders_365d, 0) as orders_365d,
  coalesce(o.net_amount_365d, 0) as net_amount_365d,
  coalesce(o.net_amount_total, 0) as net_amount_total,
  coalesce(cast(o.net_amount_total as double) / o.orders_total, 0.0) as avg_order_net,
  coalesce(cast(o.lines as double) / o.orders_total, 0.0) as lines_per_order,
  coalesce(cast(o.web_orders as double) / o.orders_total, 0.0) as web_share,
  coalesce(
    cast(o.discount as double) / nullif(cast(o.net_amount_total + o.discount as double), 0.0), 0.0
  ) as discount_share,
  -- Purchases a month, drawn a little towards the mean where there is little to go by.
  coalesce(
    (o.orders_total + 1.0) * 30.0
      / ((to_unixtime($as_of) - to_unixtime(o.first_at)) / 86400.0 + 45.0), 0.0
  ) as orders_per_30d,
  -- How many purchases are missing since the last, at that pace.
  coalesce(
    (o.orders_total + 1.0) * ((to_unixtime($as_of) - to_unixtime(o.last_at)) / 86400.0)
      / ((to_unixtime(o.last_at) - to_unixtime(o.first_at)) / 86400.0 + 45.0), 0.0
  ) as overdue,
  e.incidents_30d,
  e.incidents_90d,
  e.returns_total,
  e.calls_365d,
  e.emails_sent_90d,
  e.emails_opened_90d,
  e.emails_opened_90_180d,
  e.web_visits_90d
from events e
left join orders o on o.customer_id = e.customer_id
