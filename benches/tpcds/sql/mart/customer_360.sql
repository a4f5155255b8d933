-- Grain: one customer with an order. Purpose: what the target list needs beside segment and score:
-- who the customer is, how to write, what the customer brought in.
SELECT
  f.customer_id,
  c.c_customer_id    AS customer_ref,
  c.c_first_name     AS first_name,
  c.c_last_name      AS last_name,
  c.c_email_address  AS email,
  c.c_birth_country  AS birth_country,
  f.recency_days,
  f.n_orders,
  f.monetary,
  f.net_profit
FROM mart.customer_features AS f
JOIN raw.customer AS c ON c.c_customer_sk = f.customer_id
