-- Grain: one row per kind of contact and date from which its cost is valid.
select channel, cost, valid_from
from channel.contact_costs
