-- One row per customer known at $as_of: features of the past, for segments and churn.
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
      then local_day(occurred_at)
    end) as web_visits_90d,
    count(distinct case
      when kind in ('page_view', 'favourite', 'information_request')
      then local_day(occurred_at)
    end) as web_visits_total,
    count(*) filter (where kind = 'email_sent') as emails_sent_total,
    count(*) filter (where kind = 'email_opened') as emails_opened_total
  from core.interactions
  -- Whom one has only asked or written to has done nothing that could be learnt from.
  where kind not in ('consent_granted', 'consent_refused', 'letter_sent')
  group by customer_id
),
-- Since when a customer could have bought: known for so long, but not before the first sale on record.
answers as (select customer_id, min(valid_from) as asked_at from core.consents group by customer_id),
began as (select min(ordered_at) as sales_from from core.orders),
observed as (
  select
    e.customer_id,
    greatest(least(e.known_at, coalesce(o.first_at, e.known_at), coalesce(a.asked_at, e.known_at)), b.sales_from)
      as from_at
  from events e
  left join orders o on o.customer_id = e.customer_id
  left join answers a on a.customer_id = e.customer_id
  cross join began b
),
-- Purchases a day, drawn towards one in forty days where there is little to go by (the mean of a
-- gamma-Poisson): until the last purchase, and until now.
pace as (
  select
    v.customer_id,
    (to_unixtime($as_of) - to_unixtime(v.from_at)) / 86400.0 as observed_days,
    (coalesce(o.orders_total, 0) + 1.5)
      / ((to_unixtime($as_of) - to_unixtime(v.from_at)) / 86400.0 + 60.0) as rate_now,
    (o.orders_total + 1.5)
      / ((to_unixtime(o.last_at) - to_unixtime(v.from_at)) / 86400.0 + 60.0) as rate_then,
    (to_unixtime($as_of) - to_unixtime(o.last_at)) / 86400.0 as silent_days
  from observed v
  left join orders o on o.customer_id = v.customer_id
)
select
  e.customer_id,
  cast((to_unixtime($as_of) - to_unixtime(o.last_at)) / 86400 as bigint) as recency_days,
  cast((to_unixtime($as_of) - to_unixtime(v.from_at)) / 86400 as bigint)
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
  -- Purchases expected in the next 90 days at the customer's pace.
  coalesce(90.0 * p.rate_now, 0.0) as expected_90d,
  -- Purchases that are missing since the last one.
  coalesce(p.rate_then * p.silent_days, 0.0) as overdue,
  -- At that pace, for who has not left: the chance of a quiet quarter to come, and the logarithm of
  -- that of a silence as long as the present one (both from the negative binomial).
  coalesce(power(
    (p.observed_days + 60.0) / (p.observed_days + 150.0), cast(coalesce(o.orders_total, 0) as double) + 1.5
  ), 0.0) as quiet_chance,
  coalesce(
    (o.orders_total + 1.5) * ln((p.observed_days - p.silent_days + 60.0) / (p.observed_days + 60.0)), 0.0
  ) as silence_log_chance,
  -- What was bought lately against the customer's own pace.
  coalesce(o.orders_90d, 0) / (90.0 * p.rate_now) as recent_pace,
  e.incidents_30d,
  e.incidents_90d,
  e.returns_total,
  e.calls_365d,
  e.emails_sent_90d,
  e.emails_opened_90d,
  e.emails_opened_90_180d,
  e.web_visits_90d,
  e.web_visits_total,
  -- Mails opened and visits paid lately against the customer's own habit.
  (e.emails_opened_90d + 0.3) / (
    e.emails_sent_90d * (e.emails_opened_total + 1.0) / (e.emails_sent_total + 3.0) + 0.3
  ) as opens_habit,
  (e.web_visits_90d + 0.3) / (90.0 * (e.web_visits_total + 0.5) / (p.observed_days + 60.0) + 0.3)
    as visits_habit
from events e
join observed v on v.customer_id = e.customer_id
join pace p on p.customer_id = e.customer_id
left join orders o on o.customer_id = e.customer_id
