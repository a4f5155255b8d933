-- Grain: one row per month and channel by which customers are won.
select
  cast(date_trunc('month', closed_on) as date) as month,
  acquisition_channel,
  cost,
  closed_on
from raw.acquisition_costs
