-- One row a customer: who they are, what they said, what they do on every channel, and lately.
with lately as (
  select
    customer_id,
    max(occurred_at) as last_interaction_at,
    max(occurred_at) filter (where kind = 'call') as last_call_at,
    max(occurred_at) filter (where kind = 'email_opened') as last_email_opened_at,
    max(occurred_at) filter (where kind = 'page_view') as last_web_visit_at,
    max(occurred_at) filter (where is_incident) as last_incident_at
  from core.interactions
  group by customer_id
),
contacted as (
  select
    customer_id,
    count(*) filter (where contacted_at >= $as_of - interval '14 days' and not is_control) as contacts_14d,
    count(*) filter (where contacted_at >= $as_of - interval '90 days' and not is_control) as contacts_90d
  from core.contacts
  group by customer_id
),
answers as (
  select customer_id, channel, granted,
    row_number() over (partition by customer_id, channel order by valid_from desc) as nth
  from core.consents
),
consents as (
  select
    customer_id,
    bool_or(granted) filter (where channel = 'email') as consent_email,
    bool_or(granted) filter (where channel = 'phone') as consent_phone,
    bool_or(granted) filter (where channel = 'post') as consent_post,
    bool_or(granted) filter (where channel = 'sms') as consent_sms
  from answers
  where nth = 1
  group by customer_id
),
bought as (
  select l.customer_id, p.category, sum(l.net_amount) as net_amount
  from core.order_lines l
  join core.products p on p.product_id = l.product_id
  where l.customer_id is not null
  group by l.customer_id, p.category
),
favourites as (
  select customer_id, category,
    row_number() over (partition by customer_id order by net_amount desc, category) as nth
  from bought
)
select
  c.customer_id,
  c.title,
  c.first_name,
  c.last_name,
  c.birth_date,
  c.email,
  c.phone,
  c.street,
  c.postcode,
  c.city,
  c.preferred_contact,
  c.interests,
  b.category as favourite_category,
  -- What they said they like against what they buy.
  coalesce(strpos(c.interests, b.category) = 0, false) as interests_contradicted,
  c.known_since,
  c.cards,
  c.accounts,
  coalesce(a.consent_email, false) as consent_email,
  coalesce(a.consent_phone, false) as consent_phone,
  coalesce(a.consent_post, false) as consent_post,
  coalesce(a.consent_sms, false) as consent_sms,
  f.recency_days,
  f.tenure_days,
  coalesce(f.orders_total, 0) as orders_total,
  coalesce(f.orders_90d, 0) as orders_90d,
  coalesce(f.orders_365d, 0) as orders_365d,
  coalesce(f.net_amount_365d, 0) as net_amount_365d,
  coalesce(f.net_amount_total, 0) as net_amount_total,
  f.avg_order_net,
  f.lines_per_order,
  f.web_share,
  f.discount_share,
  coalesce(f.incidents_30d, 0) as incidents_30d,
  coalesce(f.incidents_90d, 0) as incidents_90d,
  coalesce(f.returns_total, 0) as returns_total,
  coalesce(f.calls_365d, 0) as calls_365d,
  coalesce(f.emails_sent_90d, 0) as emails_sent_90d,
  coalesce(f.emails_opened_90d, 0) as emails_opened_90d,
  coalesce(f.web_visits_90d, 0) as web_visits_90d,
  coalesce(k.contacts_14d, 0) as contacts_14d,
  coalesce(k.contacts_90d, 0) as contacts_90d,
  l.last_interaction_at,
  l.last_call_at,
  l.last_email_opened_at,
  l.last_web_visit_at,
  l.last_incident_at
from core.customers c
left join mart.customer_features f on f.customer_id = c.customer_id
left join lately l on l.customer_id = c.customer_id
left join contacted k on k.customer_id = c.customer_id
left join consents a on a.customer_id = c.customer_id
left join favourites b on b.customer_id = c.customer_id and b.nth = 1
