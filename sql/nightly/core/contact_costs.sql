-- One row per kind of contact and date since which it costs so much.
select channel, cost, valid_from
from raw.contact_costs
