-- Grain: one household that answered the survey. It has no dates, so it must not be read by a model that
-- learns from the past.
select
  cast(household_id as varchar) as customer_id,
  age as age_band,
  income as income_band,
  home_ownership,
  marital_status,
  household_size,
  household_comp as household_composition,
  kids_count as kids
from raw.demographics
