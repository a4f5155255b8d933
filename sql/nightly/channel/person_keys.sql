-- Grain: one row per key of a record of a person in some channel: identity resolution joins equal keys.
-- Sources: card, form, account, cookie, email, call, contact.
with
-- Every address a record was ever seen with, not only the latest.
written as (
  select 'card' as source, card as record_id, email from raw.card_forms
  union all
  select 'form', form, email from raw.forms
  union all
  select distinct 'account', account_id, email from raw.web_orders
  union all
  select distinct 'cookie', cookie, coalesce(login_email, request_email) from raw.web_events
  union all
  -- An address is a record of its own where nothing else is known.
  select 'email', standard_email(email), email
  from (
    select email from raw.email_events
    union
    select email from raw.consents
    union
    select by_email from raw.referrals
  ) as mailed
  union all
  select 'call', call_id, email from raw.calls
  union all
  select 'contact', contact, email from raw.key_account_contacts
),
addresses as (
  select distinct source, record_id, email as written, standard_email(email) as standard
  from written
  where record_id is not null and email is not null -- null: forgotten, or not given
)
select 'card' as source, card as record_id, 'card' as key_kind, card as key_value
from channel.cards
union
select 'account' as source, account_id as record_id, 'account' as key_kind, account_id as key_value
from channel.accounts
union
select 'account' as source, account_id as record_id, 'account' as key_kind, account_id as key_value
from channel.web_events
where account_id is not null
union
select 'cookie' as source, cookie as record_id, 'cookie' as key_kind, cookie as key_value
from channel.web_events
union
select 'cookie' as source, cookie as record_id, 'account' as key_kind, account_id as key_value
from channel.web_events
where account_id is not null
union
select 'call' as source, call_id as record_id, 'card' as key_kind, card as key_value
from channel.calls
where card is not null
union
select source, record_id, 'email' as key_kind, key_value
from (
  select
    source,
    record_id,
    -- The exports keep the address as it was written: who asks to be forgotten is found there by this key.
    unnest(make_array(standard, case when lower(written) is distinct from standard then written end)) as key_value
  from addresses
) as keyed
where key_value is not null
