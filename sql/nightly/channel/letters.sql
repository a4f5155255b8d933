-- Grain: one row per campaign of letters, as it was ordered from the printer.
select campaign_id, name, offer, sent_at, unit_cost, fixed_cost
from raw.letters
