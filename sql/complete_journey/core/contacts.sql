-- Grain: one household mailed in one campaign. Purpose: campaign contacts. The mailing day is not
-- recorded; the campaign's first day stands for it. Nobody was kept back at random, so no difference
-- between mailed and other households may be read as the effect of a campaign.
SELECT
  concat(cast(m.campaign_id AS varchar), '-', cast(m.household_id AS varchar)) AS contact_id,
  cast(m.household_id AS varchar) AS customer_id,
  c.campaign_id,
  c.campaign_type,
  'post'                          AS channel,
  c.starts_at                     AS contacted_at
FROM raw.campaigns AS m
JOIN core.campaigns AS c ON c.campaign_id = cast(m.campaign_id AS varchar)
