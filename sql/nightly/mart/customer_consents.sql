-- Grain: one row per customer, prospects included: on which channels they may be sent offers (`consent_…`), and
-- on which what they bought may choose the offers (`profiling_…`). Who was never asked has not agreed.
with
-- What holds on each channel for each purpose is what was said last.
latest as (
  select customer_id, channel, purpose, max(valid_from) as valid_from
  from core.consents
  group by customer_id, channel, purpose
),
valid as (
  select
    consents.customer_id,
    consents.channel,
    consents.granted,
    consents.purpose = 'promotions' as is_promotions,
    consents.purpose = 'profilage' as is_profiling,
    consents.refusals between 1 and consents.records - 1 as records_disagree
  from core.consents
  join latest
    on latest.customer_id = consents.customer_id and latest.channel = consents.channel
    and latest.purpose = consents.purpose and latest.valid_from = consents.valid_from
),
answered as (
  select
    customer_id,
    bool_and(granted) filter (where is_promotions and channel = 'email') as consent_email,
    bool_and(granted) filter (where is_promotions and channel = 'phone') as consent_phone,
    bool_and(granted) filter (where is_promotions and channel = 'post') as consent_post,
    bool_and(granted) filter (where is_promotions and channel = 'sms') as consent_sms,
    bool_and(granted) filter (where is_profiling and channel = 'email') as profiling_email,
    bool_and(granted) filter (where is_profiling and channel = 'phone') as profiling_phone,
    bool_and(granted) filter (where is_profiling and channel = 'post') as profiling_post,
    bool_and(granted) filter (where is_profiling and channel = 'sms') as profiling_sms,
    bool_or(records_disagree) as records_disagree
  from valid
  group by customer_id
)
select
  customers.customer_id,
  coalesce(answered.consent_email, false) as consent_email,
  coalesce(answered.consent_phone, false) as consent_phone,
  coalesce(answered.consent_post, false) as consent_post,
  coalesce(answered.consent_sms, false) as consent_sms,
  coalesce(answered.profiling_email, false) as profiling_email,
  coalesce(answered.profiling_phone, false) as profiling_phone,
  coalesce(answered.profiling_post, false) as profiling_post,
  coalesce(answered.profiling_sms, false) as profiling_sms,
  coalesce(answered.records_disagree, false) as records_disagree
from core.customers
left join answered on answered.customer_id = customers.customer_id
