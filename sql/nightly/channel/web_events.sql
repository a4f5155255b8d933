-- One row a page seen, a favourite or an information request, under the visitor's cookie.
select occurred_at, kind, page, product_id, cookie, account_id, subject, lower(trim(email)) as email
from raw.web_events
