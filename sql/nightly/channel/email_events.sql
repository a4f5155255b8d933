-- One row per event of a newsletter, addresses in lower case.
select lower(trim(email)) as email, campaign_id, event, occurred_at
from raw.email_events
