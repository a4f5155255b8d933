-- One row per key of a record of a person in some channel: identity resolution joins equal keys.
-- Sources: card, form, account, cookie, email, call, contact.
select 'card' as source, card as record_id, 'card' as key_kind, card as key_value
from raw.card_forms
union
select 'card' as source, card as record_id, 'email' as key_kind, lower(trim(email)) as key_value
from raw.card_forms where email is not null
union
select 'form' as source, form as record_id, 'email' as key_kind, lower(trim(email)) as key_value
from raw.forms where email is not null
union
select 'account' as source, account_id as record_id, 'account' as key_kind, account_id as key_value
from raw.web_orders where account_id is not null -- null: forgotten
union
select 'account' as source, account_id as record_id, 'email' as key_kind, lower(trim(email)) as key_value
from raw.web_orders where email is not null
union
select 'account' as source, account_id as record_id, 'account' as key_kind, account_id as key_value
from channel.web_events where account_id is not null
union
select 'cookie' as source, cookie as record_id, 'cookie' as key_kind, cookie as key_value
from channel.web_events
union
select 'cookie' as source, cookie as record_id, 'account' as key_kind, account_id as key_value
from channel.web_events where account_id is not null
union
select 'cookie' as source, cookie as record_id, 'email' as key_kind, email as key_value
from channel.web_events where email is not null
union
select 'email' as source, email as record_id, 'email' as key_kind, email as key_value
from channel.email_events
union
select 'email' as source, email as record_id, 'email' as key_kind, email as key_value
from channel.consents where email is not null
union
select 'call' as source, call_id as record_id, 'card' as key_kind, card as key_value
from channel.calls where card is not null
union
select 'call' as source, call_id as record_id, 'email' as key_kind, email as key_value
from channel.calls where email is not null
union
select 'contact' as source, record_id, 'email' as key_kind, email as key_value
from channel.key_account_contacts where email is not null
