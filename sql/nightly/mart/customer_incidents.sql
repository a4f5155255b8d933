-- Grain: one row per customer, prospects included: what went wrong, how often and when last, and whether the
-- last incident is still open.
with troubles as (
  select
    customer_id,
    occurred_at,
    occurred_at + interval '30 days' >= $as_of as in_30d,
    occurred_at + interval '90 days' >= $as_of as in_90d,
    occurred_at + interval '365 days' >= $as_of as in_365d,
    is_incident,
    coalesce(kind = 'call' and detail = 'réclamation', false) as is_complaint,
    kind = 'delivery' and is_incident as is_late_parcel,
    kind = 'return' as is_return,
    -- What closes an incident: a purchase, or a call that is not an incident itself.
    kind = 'order' or (kind = 'call' and not is_incident) as closes_incident
  from mart.timeline
  where is_incident or kind in ('call', 'delivery', 'return', 'order')
),
counted as (
  select
    customer_id,
    count(*) filter (where is_incident and in_30d) as incidents_30d,
    count(*) filter (where is_incident and in_90d) as incidents_90d,
    count(*) filter (where is_incident and in_365d) as incidents_365d,
    max(occurred_at) filter (where is_incident) as last_incident_at,
    count(*) filter (where is_complaint and in_30d) as complaints_30d,
    count(*) filter (where is_complaint and in_90d) as complaints_90d,
    count(*) filter (where is_complaint and in_365d) as complaints_365d,
    max(occurred_at) filter (where is_complaint) as last_complaint_at,
    count(*) filter (where is_late_parcel and in_30d) as late_parcels_30d,
    count(*) filter (where is_late_parcel and in_90d) as late_parcels_90d,
    count(*) filter (where is_late_parcel and in_365d) as late_parcels_365d,
    max(occurred_at) filter (where is_late_parcel) as last_late_parcel_at,
    count(*) filter (where is_return and in_30d) as returns_30d,
    count(*) filter (where is_return and in_90d) as returns_90d,
    count(*) filter (where is_return and in_365d) as returns_365d,
    count(*) filter (where is_return) as returns_total,
    max(occurred_at) filter (where is_return) as last_return_at,
    max(occurred_at) filter (where closes_incident) as last_closed_at
  from troubles
  group by customer_id
)
select
  customers.customer_id,
  coalesce(counted.incidents_30d, 0) as incidents_30d,
  coalesce(counted.incidents_90d, 0) as incidents_90d,
  coalesce(counted.incidents_365d, 0) as incidents_365d,
  counted.last_incident_at,
  coalesce(
    counted.last_incident_at + interval '90 days' >= $as_of
      and (counted.last_closed_at is null or counted.last_closed_at <= counted.last_incident_at),
    false
  ) as incident_is_open,
  coalesce(counted.complaints_30d, 0) as complaints_30d,
  coalesce(counted.complaints_90d, 0) as complaints_90d,
  coalesce(counted.complaints_365d, 0) as complaints_365d,
  counted.last_complaint_at,
  coalesce(counted.late_parcels_30d, 0) as late_parcels_30d,
  coalesce(counted.late_parcels_90d, 0) as late_parcels_90d,
  coalesce(counted.late_parcels_365d, 0) as late_parcels_365d,
  counted.last_late_parcel_at,
  coalesce(counted.returns_30d, 0) as returns_30d,
  coalesce(counted.returns_90d, 0) as returns_90d,
  coalesce(counted.returns_365d, 0) as returns_365d,
  coalesce(counted.returns_total, 0) as returns_total,
  counted.last_return_at
from core.customers
left join counted on counted.customer_id = customers.customer_id
