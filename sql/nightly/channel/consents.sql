-- Grain: one row per dated answer about a channel and a purpose, under the card or, without one, the e-mail;
-- `given_on` is the channel on which it was given.
select
  card,
  standard_email(email) as email,
  channel,
  purpose,
  granted,
  valid_from,
  case origin
    when 'désinscription' then 'email'
    when 'téléphone' then 'phone'
    when 'compte web' then 'web'
    else 'form'
  end as given_on
from raw.consents
