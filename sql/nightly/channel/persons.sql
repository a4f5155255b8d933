-- One row per record with attributes of a person, and its date: a card, a web account, a form,
-- a call, a contact at a key account. Identity compares them, the golden record chooses among them; what
-- stands for a person elsewhere (a cookie, an e-mail address) is known by keys.
with accounts as (
  select *, row_number() over (partition by account_id order by ordered_at desc, order_id desc, line_no) as nth
  from raw.web_orders
  where account_id is not null -- null: forgotten
)
select
  'card' as source,
  card as record_id,
  arrow_cast(changed_on, 'Timestamp(Microsecond, Some("UTC"))') as seen_at,
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
  'account', account_id, ordered_at, null, first_name, last_name, null, lower(trim(email)), phone,
  street, postcode, city, null, null, null
from accounts where nth = 1
union all
select
  'form', form, arrow_cast(filled_on, 'Timestamp(Microsecond, Some("UTC"))'), null, first_name, last_name,
  null, lower(trim(email)), phone, null, postcode, null, null, null, filled_on
from raw.forms
union all
-- The call centre writes the caller's name in one field, the first name first.
select
  'call', call_id, started_at, null, split_part(caller, ' ', 1), substr(caller, strpos(caller, ' ') + 1),
  null, lower(trim(email)), phone, null, null, null, null, null, null
from raw.calls
union all
select
  'contact', record_id, seen_at, null, first_name, last_name, null, email, phone, null, null, null, null,
  null, null
from channel.key_account_contacts
