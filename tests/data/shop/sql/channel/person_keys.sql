-- One row per key on a card or a web account: equal keys are one person.
select 'card' as source, card as record_id, 'card' as key_kind, card as key_value from raw.cards
union
select 'card' as source, card as record_id, 'email' as key_kind, lower(email) as key_value
from raw.cards where email is not null
union
select 'card' as source, card as record_id, 'card' as key_kind, card as key_value
from raw.tickets where card is not null
union
select 'account' as source, account as record_id, 'account' as key_kind, account as key_value
from raw.web_orders where account is not null
union
select 'account' as source, account as record_id, 'email' as key_kind, lower(email) as key_value
from raw.web_orders where email is not null
