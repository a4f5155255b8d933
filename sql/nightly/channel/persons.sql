-- Grain: one row per record with attributes of a person, and its date: a card, a web account, a form,
-- a call, a contact at a key account. Identity compares them, the golden record chooses among them; what
-- stands for a person elsewhere (a cookie, an e-mail address) is known by keys.
select
  'card' as source,
  card as record_id,
  day_start(changed_on) as seen_at,
  title,
  first_name,
  last_name,
  birth_date,
  email,
  phone,
  street,
  postcode,
  city,
  preferred_contact,
  interests,
  created_on as known_since
from channel.cards
union all
select
  'account', account_id, last_ordered_at, null, first_name, last_name, null, email, phone,
  street, postcode, city, null, null, null
from channel.accounts
union all
select
  'form', form, day_start(filled_on), null, first_name, last_name, null, email, phone,
  null, postcode, null, null, null, filled_on
from channel.forms
union all
select
  'call', call_id, started_at, null, first_name, last_name, null, email, phone,
  null, null, null, null, null, null
from channel.calls
union all
select
  'contact', record_id, seen_at, null, first_name, last_name, null, email, phone,
  null, null, null, null, null, null
from channel.key_account_contacts
