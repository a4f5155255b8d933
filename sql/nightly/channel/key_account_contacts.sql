-- One row per person in the file of a key account: a record of the person, which identity resolution joins.
select
  a.system as organisation_source,
  c.account as organisation_record_id,
  'contact' as source,
  c.contact as record_id,
  arrow_cast(c.since, 'Timestamp(Microsecond, Some("UTC"))') as seen_at,
  c.role,
  c.first_name,
  c.last_name,
  lower(trim(c.email)) as email,
  c.phone
from raw.key_account_contacts c
left join raw.key_accounts a on a.record = c.account
