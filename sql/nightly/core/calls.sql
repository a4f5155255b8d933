-- Grain: one row per call to the customer service: whose, how long they waited, whether the question was answered, and
-- the issue that it belongs to. Calls of one customer about the same, each within 14 days of the one before, are one issue.
with known as (
  select
    calls.call_id,
    ids.customer_id,
    calls.started_at,
    calls.reason,
    calls.waited_s,
    calls.duration_s,
    calls.is_resolved,
    calls.satisfaction
  from channel.calls
  left join core.customer_ids as ids on ids.source = 'call' and ids.record_id = calls.call_id
),
followed as (
  select
    *,
    lag(started_at) over (partition by customer_id, reason order by started_at, call_id) as previous_at,
    lead(started_at) over (partition by customer_id, reason order by started_at, call_id) as next_at
  from known
)
select
  call_id,
  customer_id,
  started_at,
  reason,
  waited_s,
  duration_s,
  is_resolved,
  satisfaction,
  customer_id is null or previous_at is null or previous_at + interval '14 days' < started_at as opens_issue,
  customer_id is null or next_at is null or next_at > started_at + interval '14 days' as closes_issue
from followed
