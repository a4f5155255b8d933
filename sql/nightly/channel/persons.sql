-- One row a record that says something of a person: a card, a web account, a form, a call. Identity
-- compares them; what stands for a person elsewhere (a cookie, an e-mail address) it knows by keys.
with accounts as (
  select *, row_number() over (partition by account_id order by ordered_at desc, order_id desc, line_no) as nth
  from raw.web_orders
  where account_id is not null -- null: forgotten
)
select
  'card' as source, card as record_id, first_name, last_name, cast(birth_date as varchar) as birth_date,
  email, phone, street, postcode, city
from channel.cards
union all
select 'account', account_id, first_name, last_name, null, email, phone, street, postcode, city
from accounts where nth = 1
union all
select 'form', form, first_name, last_name, null, email, phone, null, postcode, null
from raw.forms
union all
-- The call centre writes the caller's name in one field, the first name first.
select
  'call', call_id, split_part(caller, ' ', 1), substr(caller, strpos(caller, ' ') + 1), null,
  email, phone, null, null, null
from raw.calls
