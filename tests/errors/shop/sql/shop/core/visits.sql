-- Grain: one row per page seen.
select customer_id, visited_at, page
from raw.visits
