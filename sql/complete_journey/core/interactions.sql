-- Grain: one thing that happened between a household and the company: a visit, a mailing, a coupon
-- redeemed. Purpose: the whole history of a customer on one line of time.
select
  concat('order-', order_id) as interaction_id,
  customer_id,
  ordered_at as occurred_at,
  channel,
  'order' as kind,
  'in' as direction,
  order_id as reference,
  net_amount as amount
from core.orders
union all
select
  concat('contact-', contact_id), customer_id, contacted_at, channel,
  'campaign_contact', 'out', campaign_id, null
from core.contacts
union all
select
  concat('redemption-', customer_id, '-', coupon_id, '-', campaign_id, '-', cast(redemption_day as varchar)),
  customer_id, redeemed_at, 'shop', 'coupon_redemption', 'in', campaign_id, null
from core.coupon_redemptions
