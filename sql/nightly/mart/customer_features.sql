-- Grain: one row per customer known at $as_of: features of the past, for segments and churn.
-- Counts and sums are exact; the divisions come after them.
with placed as (
  select
    *,
    ordered_at + interval '90 days' >= $as_of as in_90d,
    ordered_at + interval '180 days' >= $as_of as in_180d,
    ordered_at + interval '365 days' >= $as_of as in_365d
  from core.orders
  where customer_id is not null
),
-- What is brought back is no order; it takes its amount off what was sold, which is what net means here.
orders as (
  select
    customer_id,
    max(ordered_at) filter (where not is_return) as last_at,
    min(ordered_at) filter (where not is_return) as first_at,
    count(*) filter (where not is_return) as orders_total,
    count(*) filter (where not is_return and in_90d) as orders_90d,
    count(*) filter (where not is_return and in_180d and not in_90d) as orders_90_180d,
    count(*) filter (where not is_return and in_365d) as orders_365d,
    count(*) filter (where not is_return and channel = 'web') as web_orders,
    sum(lines) filter (where not is_return) as lines,
    sum(discount) filter (where not is_return) as discount,
    sum(net_amount) filter (where not is_return) as sold_amount,
    sum(net_amount) as net_amount_total,
    coalesce(sum(net_amount) filter (where in_365d), 0) as net_amount_365d
  from placed
  group by customer_id
),
happened as (
  select
    customer_id,
    kind,
    is_incident,
    occurred_at,
    occurred_at + interval '30 days' >= $as_of as in_30d,
    occurred_at + interval '90 days' >= $as_of as in_90d,
    occurred_at + interval '180 days' >= $as_of as in_180d,
    occurred_at + interval '365 days' >= $as_of as in_365d,
    -- Several pages of a day are one visit.
    case when kind in ('page_view', 'favourite', 'information_request') then local_day(occurred_at) end as visited_on
  from core.interactions
  -- Whom one has only asked or written to has done nothing that could be learnt from.
  where kind not in ('consent_granted', 'consent_refused', 'letter_sent')
),
events as (
  select
    customer_id,
    min(occurred_at) as known_at,
    count(*) filter (where is_incident and in_30d) as incidents_30d,
    count(*) filter (where is_incident and in_90d) as incidents_90d,
    count(*) filter (where kind = 'return') as returns_total,
    count(*) filter (where kind = 'call' and in_365d) as calls_365d,
    count(*) filter (where kind = 'email_sent' and in_90d) as emails_sent_90d,
    count(*) filter (where kind = 'email_opened' and in_90d) as emails_opened_90d,
    count(*) filter (where kind = 'email_opened' and in_180d and not in_90d) as emails_opened_90_180d,
    count(distinct case when in_90d then visited_on end) as web_visits_90d,
    count(distinct visited_on) as web_visits_total,
    count(*) filter (where kind = 'email_sent') as emails_sent_total,
    count(*) filter (where kind = 'email_opened') as emails_opened_total
  from happened
  group by customer_id
),
-- Since when a customer could have bought: known for so long, but not before the first sale on record.
answers as (select customer_id, min(valid_from) as asked_at from core.consents group by customer_id),
history as (select min(ordered_at) as first_sale_at from core.orders),
observed as (
  select
    events.customer_id,
    coalesce(orders.orders_total, 0) as orders_total,
    orders.last_at,
    greatest(
      least(
        events.known_at,
        coalesce(orders.first_at, events.known_at),
        coalesce(answers.asked_at, events.known_at)
      ),
      history.first_sale_at
    ) as from_at
  from events
  left join orders on orders.customer_id = events.customer_id
  left join answers on answers.customer_id = events.customer_id
  cross join history
),
days as (
  select
    customer_id,
    orders_total,
    (to_unixtime($as_of) - to_unixtime(from_at)) / 86400.0 as observed_days,
    (to_unixtime(last_at) - to_unixtime(from_at)) / 86400.0 as days_until_last_order,
    (to_unixtime($as_of) - to_unixtime(last_at)) / 86400.0 as days_since_last_order
  from observed
),
-- Purchases a day, drawn towards one in forty days where there is little to go by (the mean of a
-- gamma-Poisson with 1.5 purchases in 60 days behind it): until now, and until the last purchase.
rates as (
  select
    *,
    (orders_total + 1.5) / (observed_days + 60.0) as purchase_rate,
    (orders_total + 1.5) / (days_until_last_order + 60.0) as purchase_rate_until_last_order
  from days
)
select
  events.customer_id,
  cast(rates.days_since_last_order as bigint) as recency_days,
  cast(rates.observed_days as bigint) as tenure_days,
  rates.orders_total,
  coalesce(orders.orders_90d, 0) as orders_90d,
  coalesce(orders.orders_90_180d, 0) as orders_90_180d,
  coalesce(orders.orders_365d, 0) as orders_365d,
  coalesce(orders.net_amount_365d, 0) as net_amount_365d,
  coalesce(orders.net_amount_total, 0) as net_amount_total,
  coalesce(cast(orders.sold_amount as double) / nullif(orders.orders_total, 0), 0.0) as avg_order_net,
  coalesce(cast(orders.lines as double) / nullif(orders.orders_total, 0), 0.0) as lines_per_order,
  coalesce(cast(orders.web_orders as double) / nullif(orders.orders_total, 0), 0.0) as web_share,
  coalesce(
    cast(orders.discount as double) / nullif(cast(orders.sold_amount + orders.discount as double), 0.0), 0.0
  ) as discount_share,
  -- What is to be expected at the customer's rate, and what is missing since the last purchase.
  coalesce(90.0 * rates.purchase_rate, 0.0) as expected_purchases_90d,
  coalesce(rates.purchase_rate_until_last_order * rates.days_since_last_order, 0.0) as missing_purchases,
  -- At that rate, for who has not left: the chance of a quarter without a purchase, and the logarithm of
  -- that of a silence as long as the present one (both from the negative binomial).
  coalesce(
    power(
      (rates.observed_days + 60.0) / (rates.observed_days + (60.0 + 90.0)), cast(rates.orders_total as double) + 1.5
    ),
    0.0
  ) as p_no_purchase_90d,
  coalesce(
    (orders.orders_total + 1.5)
      * ln((rates.observed_days - rates.days_since_last_order + 60.0) / (rates.observed_days + 60.0)),
    0.0
  ) as log_p_silence,
  -- What was bought lately against what the customer's own rate lets expect.
  coalesce(orders.orders_90d, 0) / (90.0 * rates.purchase_rate) as orders_90d_vs_usual,
  events.incidents_30d,
  events.incidents_90d,
  events.returns_total,
  events.calls_365d,
  events.emails_sent_90d,
  events.emails_opened_90d,
  events.emails_opened_90_180d,
  events.web_visits_90d,
  events.web_visits_total,
  -- Mails opened and visits paid lately against the customer's own habit.
  (events.emails_opened_90d + 0.3) / (
    events.emails_sent_90d * (events.emails_opened_total + 1.0) / (events.emails_sent_total + 3.0) + 0.3
  ) as emails_opened_90d_vs_usual,
  (events.web_visits_90d + 0.3)
    / (90.0 * (events.web_visits_total + 0.5) / (rates.observed_days + 60.0) + 0.3) as web_visits_90d_vs_usual
from events
join rates on rates.customer_id = events.customer_id
left join orders on orders.customer_id = events.customer_id
