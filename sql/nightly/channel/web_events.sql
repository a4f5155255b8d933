-- One row per page view, favourite, information request or login, by the visitor's cookie.
select
  occurred_at,
  kind,
  page,
  product_id,
  cookie,
  account_id,
  subject,
  lower(trim(coalesce(login_email, request_email))) as email
from raw.web_events
