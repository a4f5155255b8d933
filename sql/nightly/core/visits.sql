-- Grain: one row per visit of the sales force to an organisation.
with organisations as (
  select record_id, min(organisation_id) as organisation_id
  from core.organisation_ids
  group by record_id
)
select visits.visit, organisations.organisation_id, visits.visited_on
from channel.visits
left join organisations on organisations.record_id = visits.record_id
