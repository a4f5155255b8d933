-- Grain: one customer with an invoice or a credit note before $as_of. Purpose: what is known of its
-- behaviour at that instant; feeds segments and churn. Whoever only ever got a credit note bought
-- before the export begins: no orders, and recency counts from the credit note.
with placed as (
  select *, local_day($as_of) - order_day as days_ago
  from core.orders
  where customer_id is not null
),
bought as (
  select
    customer_id,
    min(days_ago) as recency_days,
    max(days_ago) as tenure_days,
    count(*) as orders_total,
    count(distinct order_day) as order_days,
    count(*) filter (where days_ago <= 14) as orders_14d,
    count(*) filter (where days_ago <= 30) as orders_30d,
    sum(lines) as lines_total,
    sum(pieces) as pieces_total,
    sum(net_amount) as net_amount_total,
    coalesce(sum(net_amount) filter (where days_ago <= 30), 0) as net_amount_30d
  from placed
  group by customer_id
),
given_back as (
  select *, local_day($as_of) - credit_day as days_ago
  from core.credits
  where customer_id is not null
),
credited as (
  select
    customer_id,
    min(days_ago) as recency_days,
    max(days_ago) as tenure_days,
    count(*) as credits_total,
    sum(net_amount) as credit_amount_total
  from given_back
  group by customer_id
),
chosen as (
  select customer_id, count(*) as products_total
  from (
    select distinct customer_id, product_id
    from core.order_lines
    where customer_id is not null and line_kind = 'product'
  ) as products
  group by customer_id
)
select
  coalesce(bought.customer_id, credited.customer_id) as customer_id,
  coalesce(bought.recency_days, credited.recency_days) as recency_days,
  greatest(coalesce(bought.tenure_days, 0), coalesce(credited.tenure_days, 0)) as tenure_days,
  coalesce(bought.orders_total, 0) as orders_total,
  coalesce(bought.orders_14d, 0) as orders_14d,
  coalesce(bought.orders_30d, 0) as orders_30d,
  coalesce(chosen.products_total, 0) as products_total,
  coalesce(bought.pieces_total, 0) as pieces_total,
  cast(coalesce(bought.net_amount_total, 0) as double) as net_amount_total,
  cast(coalesce(bought.net_amount_30d, 0) as double) as net_amount_30d,
  coalesce(cast(bought.net_amount_total as double) / bought.orders_total, 0.0) as average_order,
  coalesce(cast(bought.lines_total as double) / bought.orders_total, 0.0) as lines_per_order,
  -- The usual distance between two days with an order; with a single one, all that is known is the wait since.
  coalesce(
    cast(bought.tenure_days - bought.recency_days as double) / nullif(bought.order_days - 1, 0),
    cast(coalesce(bought.tenure_days, credited.tenure_days) as double)
  ) as mean_gap_days,
  coalesce(credited.credits_total, 0) as credits_total,
  -- The share of what was bought that was given back; at most all of it.
  case
    when bought.net_amount_total > 0 then least(
      cast(-coalesce(credited.credit_amount_total, 0) as double) / cast(bought.net_amount_total as double), 1.0
    )
    else 0.0
  end as credit_share
from bought
full join credited on credited.customer_id = bought.customer_id
left join chosen on chosen.customer_id = bought.customer_id
