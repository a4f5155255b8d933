-- Grain: one row per page view, favourite, information request or login, by the visitor's cookie.
select
  occurred_at,
  kind,
  page,
  product_id,
  cookie,
  account_id,
  subject,
  standard_email(coalesce(login_email, request_email)) as email
from raw.web_events
