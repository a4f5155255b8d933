-- Grain: one household, which is what a loyalty card stands for here. Purpose: everyone known and
-- what they told about themselves (801 of 2,469 did). The survey has no dates, so it must not be
-- read by a model that learns from the past.
WITH known AS (
  SELECT household_id FROM raw.transactions
  UNION
  SELECT household_id FROM raw.demographics
  UNION
  SELECT household_id FROM raw.campaigns
)
SELECT
  cast(k.household_id AS varchar) AS customer_id,
  d.household_id IS NOT NULL      AS has_profile,
  d.age                           AS age_band,
  d.income                        AS income_band,
  d.home_ownership,
  d.marital_status,
  d.household_size,
  d.household_comp                AS household_composition,
  d.kids_count                    AS kids
FROM known AS k
LEFT JOIN raw.demographics AS d ON d.household_id = k.household_id
