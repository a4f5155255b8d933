-- Grain: one row per event of a newsletter, with one form of each address.
select standard_email(email) as email, campaign_id, event, occurred_at
from raw.email_events
