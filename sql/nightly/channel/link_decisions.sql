-- Grain: one row per decision of a steward on two records: one person (link), or not (cut). The latest on a pair
-- counts, and it always wins.
select record_a, record_b, decision, decided_at
from raw.link_decisions
