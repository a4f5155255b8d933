-- One row a dated answer on a channel, under the card or, without one, the e-mail.
select card, lower(trim(email)) as email, channel, granted, valid_from
from raw.consents
