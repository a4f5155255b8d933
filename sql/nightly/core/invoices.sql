-- Grain: one row per invoice, to a customer for a web order or to an organisation for goods. What was not paid
-- ninety days after it was due is written off.
with organisations as (
  select record_id, min(organisation_id) as organisation_id
  from core.organisation_ids
  group by record_id
),
followed as (
  select
    * except (paid_on),
    -- A payment is known when its day is over.
    case when day_end(paid_on) < $as_of then paid_on end as paid_on,
    cast(due_on + interval '90 days' as date) as last_day
  from channel.invoices
)
select
  followed.invoice,
  ids.customer_id,
  organisations.organisation_id,
  followed.is_key_account,
  followed.order_id,
  followed.product_id,
  followed.quantity,
  followed.amount,
  followed.issued_on,
  followed.due_on,
  followed.paid_on,
  case when followed.paid_on is null and day_end(followed.last_day) < $as_of then followed.last_day end
    as written_off_on
from followed
left join core.customer_ids as ids on ids.source = 'account' and ids.record_id = followed.account_id
left join organisations on organisations.record_id = followed.record_id
