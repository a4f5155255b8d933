-- Grain: one thing that happened between a known customer and the shop: an order or a credit note.
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
WHERE customer_id IS NOT NULL
UNION ALL
SELECT concat('credit-', credit_id), customer_id, credited_at, 'web', 'credit', 'out', credit_id, net_amount
FROM core.credits
WHERE customer_id IS NOT NULL
