-- Grain: one row per card and letter campaign: a letter sent, or kept back for the control group. Names and
-- addresses stay in the source: the card says who it is.
select
  mailing,
  campaign_id,
  card,
  mailed_at,
  mailing_group = 'témoin' as is_control
from raw.mailings
