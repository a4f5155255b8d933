-- Grain: one thing that happened between a household and the company: a visit, a mailing, a coupon
-- redeemed. Purpose: the whole history of a customer on one line of time.
SELECT
  concat('order-', order_id) AS interaction_id,
  customer_id,
  ordered_at                 AS occurred_at,
  channel,
  'order'                    AS kind,
  'in'                       AS direction,
  order_id                   AS reference,
  net_amount                 AS amount
FROM core.orders
UNION ALL
SELECT
  concat('contact-', contact_id), customer_id, contacted_at, channel,
  'campaign_contact', 'out', campaign_id, NULL
FROM core.contacts
UNION ALL
SELECT
  concat('redemption-', customer_id, '-', coupon_id, '-', campaign_id, '-', cast(redemption_day AS varchar)),
  customer_id, redeemed_at, 'shop', 'coupon_redemption', 'in', campaign_id, NULL
FROM core.coupon_redemptions
