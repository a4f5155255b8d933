-- Grain: one row per person in the file of a key account: a record of the person, which identity resolution joins.
select
  accounts.system as organisation_source,
  contacts.account as organisation_record_id,
  'contact' as source,
  contacts.contact as record_id,
  day_start(contacts.since) as seen_at,
  contacts.role,
  contacts.first_name,
  contacts.last_name,
  standard_email(contacts.email) as email,
  contacts.phone
from raw.key_account_contacts as contacts
left join raw.key_accounts as accounts on accounts.record = contacts.account
