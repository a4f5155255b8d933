-- One row a key on a record that stands for a person in some channel: identity joins equal keys.
-- Sources: card, form, account, cookie, email, call.
select 'card' as source, card as record_id, 'card' as key_kind, card as key_value
from raw.card_forms
union
select 'card', card, 'email', lower(trim(email))
from raw.card_forms where email is not null
union
select 'form', form, 'email', lower(trim(email))
from raw.forms where email is not null
union
select 'account', account_id, 'account', account_id
from raw.web_orders
union
select 'account', account_id, 'email', lower(trim(email))
from raw.web_orders where email is not null
union
select 'account', account_id, 'account', account_id
from raw.web_events where account_id is not null
union
select 'cookie', cookie, 'cookie', cookie
from raw.web_events
union
select 'cookie', cookie, 'account', account_id
from raw.web_events where account_id is not null
union
select 'cookie', cookie, 'email', lower(trim(email))
from raw.web_events where email is not null
union
select 'email', lower(trim(email)), 'email', lower(trim(email))
from raw.email_events
union
select 'email', lower(trim(email)), 'email', lower(trim(email))
from raw.consents where email is not null
union
select 'call', call_id, 'card', card
from raw.calls where card is not null
union
select 'call', call_id, 'email', lower(trim(email))
from raw.calls where email is not null
