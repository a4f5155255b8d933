-- Grain: one row per recommendation; a customer is null where their record is unknown.
select
  by_ids.customer_id,
  came_ids.customer_id as referred_customer_id,
  referrals.referred_on
from channel.referrals
left join core.customer_ids as by_ids
  on by_ids.source = referrals.by_source and by_ids.record_id = referrals.by_record_id
left join core.customer_ids as came_ids
  on came_ids.source = referrals.source and came_ids.record_id = referrals.record_id
