-- Grain: one row per piece of work, or rate, and date from which it costs so much; until when it does.
select
  item,
  rate,
  valid_from,
  lead(valid_from) over (partition by item order by valid_from) as valid_to
from channel.cost_rates
