-- One row per page seen, a favourite, an information request or a login, under the visitor's cookie.
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
