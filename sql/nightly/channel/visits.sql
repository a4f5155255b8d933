-- Grain: one row per visit of the sales force to a key account.
select visit, record as record_id, visited_on
from raw.visits
