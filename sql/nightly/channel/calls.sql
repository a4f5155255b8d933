-- Grain: one row per call. Satisfaction 1 or 2 after a complaint is a bad service incident.
select
  call_id,
  started_at,
  reason,
  waited_s,
  duration_s,
  case resolved when 'oui' then true when 'non' then false end as is_resolved,
  satisfaction,
  card,
  standard_email(email) as email,
  phone,
  -- The call centre writes the caller's name in one field, the first name first.
  split_part(caller, ' ', 1) as first_name,
  substr(caller, strpos(caller, ' ') + 1) as last_name,
  coalesce(reason = 'réclamation' and satisfaction <= 2, false) as is_incident
from raw.calls
