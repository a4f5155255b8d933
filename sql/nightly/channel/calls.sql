-- One row per call. Satisfaction 1 or 2 after a complaint is a bad service incident.
select
  call_id,
  started_at,
  reason,
  duration_s,
  satisfaction,
  card,
  lower(trim(email)) as email,
  phone,
  coalesce(reason = 'réclamation' and satisfaction <= 2, false) as is_incident
from raw.calls
