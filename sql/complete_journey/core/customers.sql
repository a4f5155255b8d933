-- Grain: one household, which is what a loyalty card stands for here. Purpose: everyone known and
-- what they told about themselves (801 of 2,469 did). The survey has no dates, so it must not be
-- read by a model that learns from the past.
with known as (
  select customer_id from channel.basket_lines
  union
  select customer_id from channel.household_profiles
  union
  select customer_id from channel.mailings
)
select
  known.customer_id,
  profiles.customer_id is not null as has_profile,
  profiles.age_band,
  profiles.income_band,
  profiles.home_ownership,
  profiles.marital_status,
  profiles.household_size,
  profiles.household_composition,
  profiles.kids
from known
left join channel.household_profiles as profiles on profiles.customer_id = known.customer_id
