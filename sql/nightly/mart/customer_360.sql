-- One row a customer, prospects included: who they are, what they said, what they do, where the two
-- contradict each other, every channel, what happened last, what went wrong.
with
-- The shared memory, counted for each customer.
counted as (
  select
    customer_id,
    count(*) as interactions_total,
    count(*) filter (where occurred_at >= $as_of - interval '365 days') as interactions_365d,
    min(occurred_at) as first_interaction_at,
    max(position) as last_position,
    max(position) filter (where direction = 'in') as last_in_position,
    max(position) filter (where direction = 'out') as last_out_position,
    count(*) filter (where channel = 'shop') as shop_interactions_total,
    count(*) filter (where channel = 'shop' and occurred_at >= $as_of - interval '365 days')
      as shop_interactions_365d,
    min(occurred_at) filter (where channel = 'shop') as shop_first_at,
    max(occurred_at) filter (where channel = 'shop') as shop_last_at,
    count(*) filter (where channel = 'web') as web_interactions_total,
    count(*) filter (where channel = 'web' and occurred_at >= $as_of - interval '365 days')
      as web_interactions_365d,
    min(occurred_at) filter (where channel = 'web') as web_first_at,
    max(occurred_at) filter (where channel = 'web') as web_last_at,
    count(*) filter (where channel = 'email') as email_interactions_total,
    count(*) filter (where channel = 'email' and occurred_at >= $as_of - interval '365 days')
      as email_interactions_365d,
    min(occurred_at) filter (where channel = 'email') as email_first_at,
    max(occurred_at) filter (where channel = 'email') as email_last_at,
    count(*) filter (where channel = 'phone') as phone_interactions_total,
    count(*) filter (where channel = 'phone' and occurred_at >= $as_of - interval '365 days')
      as phone_interactions_365d,
    min(occurred_at) filter (where channel = 'phone') as phone_first_at,
    max(occurred_at) filter (where channel = 'phone') as phone_last_at,
    count(*) filter (where channel = 'post') as post_interactions_total,
    count(*) filter (where channel = 'post' and occurred_at >= $as_of - interval '365 days')
      as post_interactions_365d,
    min(occurred_at) filter (where channel = 'post') as post_first_at,
    max(occurred_at) filter (where channel = 'post') as post_last_at,
    count(*) filter (where channel = 'form') as form_interactions_total,
    count(*) filter (where channel = 'form' and occurred_at >= $as_of - interval '365 days')
      as form_interactions_365d,
    min(occurred_at) filter (where channel = 'form') as form_first_at,
    max(occurred_at) filter (where channel = 'form') as form_last_at,
    count(*) filter (where kind = 'call' and occurred_at >= $as_of - interval '365 days') as calls_365d,
    count(*) filter (where kind = 'letter_sent' and occurred_at >= $as_of - interval '365 days')
      as letters_365d,
    count(*) filter (where kind = 'email_sent' and occurred_at >= $as_of - interval '90 days')
      as emails_sent_90d,
    count(*) filter (where kind = 'email_sent' and occurred_at >= $as_of - interval '365 days')
      as emails_sent_365d,
    count(*) filter (where kind = 'email_opened' and occurred_at >= $as_of - interval '90 days')
      as emails_opened_90d,
    count(*) filter (where kind = 'email_opened' and occurred_at >= $as_of - interval '365 days')
      as emails_opened_365d,
    count(*) filter (where kind = 'email_clicked' and occurred_at >= $as_of - interval '365 days')
      as emails_clicked_365d,
    count(*) filter (where kind = 'email_bounced' and occurred_at >= $as_of - interval '365 days')
      as emails_bounced_365d,
    max(occurred_at) filter (where kind = 'order') as last_order_at,
    max(occurred_at) filter (where kind = 'call') as last_call_at,
    max(occurred_at) filter (where kind = 'email_opened') as last_email_opened_at,
    max(occurred_at) filter (where kind = 'page_view') as last_web_visit_at,
    max(occurred_at) filter (where kind in ('consent_granted', 'consent_refused')) as last_consent_at,
    max(occurred_at) filter (where is_incident) as last_incident_at,
    count(*) filter (where is_incident and occurred_at >= $as_of - interval '30 days') as incidents_30d,
    count(*) filter (where is_incident and occurred_at >= $as_of - interval '90 days') as incidents_90d,
    count(*) filter (where is_incident and occurred_at >= $as_of - interval '365 days') as incidents_365d,
    max(occurred_at) filter (where kind = 'call' and detail = 'réclamation') as last_complaint_at,
    count(*) filter (
      where kind = 'call' and detail = 'réclamation' and occurred_at >= $as_of - interval '30 days'
    ) as complaints_30d,
    count(*) filter (
      where kind = 'call' and detail = 'réclamation' and occurred_at >= $as_of - interval '90 days'
    ) as complaints_90d,
    count(*) filter (
      where kind = 'call' and detail = 'réclamation' and occurred_at >= $as_of - interval '365 days'
    ) as complaints_365d,
    max(occurred_at) filter (where kind = 'delivery' and is_incident) as last_late_parcel_at,
    count(*) filter (
      where kind = 'delivery' and is_incident and occurred_at >= $as_of - interval '30 days'
    ) as late_parcels_30d,
    count(*) filter (
      where kind = 'delivery' and is_incident and occurred_at >= $as_of - interval '90 days'
    ) as late_parcels_90d,
    count(*) filter (
      where kind = 'delivery' and is_incident and occurred_at >= $as_of - interval '365 days'
    ) as late_parcels_365d,
    max(occurred_at) filter (where kind = 'return') as last_return_at,
    count(*) filter (where kind = 'return' and occurred_at >= $as_of - interval '30 days') as returns_30d,
    count(*) filter (where kind = 'return' and occurred_at >= $as_of - interval '90 days') as returns_90d,
    count(*) filter (where kind = 'return' and occurred_at >= $as_of - interval '365 days') as returns_365d,
    count(*) filter (where kind = 'return') as returns_total,
    -- What mends an incident: a purchase, or a call that is no incident itself.
    max(occurred_at) filter (where kind = 'order' or (kind = 'call' and not is_incident)) as content_at
  from mart.timeline
  group by customer_id
),
-- What happened last: whichever way, from the customer, and from the company.
lasts as (
  select
    t.customer_id,
    max(t.occurred_at) filter (where t.position = n.last_position) as occurred_at,
    max(t.channel) filter (where t.position = n.last_position) as channel,
    max(t.kind) filter (where t.position = n.last_position) as kind,
    max(t.occurred_at) filter (where t.position = n.last_in_position) as in_at,
    max(t.channel) filter (where t.position = n.last_in_position) as in_channel,
    max(t.kind) filter (where t.position = n.last_in_position) as in_kind,
    max(t.occurred_at) filter (where t.position = n.last_out_position) as out_at,
    max(t.channel) filter (where t.position = n.last_out_position) as out_channel,
    max(t.kind) filter (where t.position = n.last_out_position) as out_kind
  from mart.timeline t
  join counted n on n.customer_id = t.customer_id
  where t.position = n.last_position or t.position = n.last_in_position or t.position = n.last_out_position
  group by t.customer_id
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
  select customer_id, channel, purpose, granted, refusals between 1 and records - 1 as disagree,
    row_number() over (partition by customer_id, channel, purpose order by valid_from desc, granted) as nth
  from core.consents
),
consents as (
  select
    customer_id,
    bool_or(granted) filter (where channel = 'email' and purpose = 'promotions') as consent_email,
    bool_or(granted) filter (where channel = 'phone' and purpose = 'promotions') as consent_phone,
    bool_or(granted) filter (where channel = 'post' and purpose = 'promotions') as consent_post,
    bool_or(granted) filter (where channel = 'sms' and purpose = 'promotions') as consent_sms,
    bool_or(granted) filter (where channel = 'email' and purpose = 'profilage') as profiling_email,
    bool_or(granted) filter (where channel = 'phone' and purpose = 'profilage') as profiling_phone,
    bool_or(granted) filter (where channel = 'post' and purpose = 'profilage') as profiling_post,
    bool_or(granted) filter (where channel = 'sms' and purpose = 'profilage') as profiling_sms,
    bool_or(disagree) as disagree
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
ranked_categories as (
  select customer_id, category,
    row_number() over (partition by customer_id order by net_amount desc, category) as nth
  from bought
  where net_amount > 0
),
favourites as (
  select
    customer_id,
    max(category) filter (where nth = 1) as first,
    max(category) filter (where nth = 2) as second,
    max(category) filter (where nth = 3) as third
  from ranked_categories
  where nth <= 3
  group by customer_id
),
declared as (
  select customer_id, trim(interest) as interest
  from (
    select customer_id, unnest(string_to_array(interests, ',')) as interest
    from core.customers
    where interests is not null
  ) as listed
),
-- What they said they like and never bought, of those who have bought something.
unbought as (
  select d.customer_id, string_agg(d.interest, ', ' order by d.interest) as interests
  from declared d
  join (select distinct customer_id from bought) as buyers on buyers.customer_id = d.customer_id
  left join bought b on b.customer_id = d.customer_id and b.category = d.interest
  where b.category is null and d.interest <> ''
  group by d.customer_id
),
placed as (
  select customer_id, channel, shop, ordered_at at time zone 'Europe/Paris' as at
  from core.orders
  where customer_id is not null and not is_return
),
habits as (
  select customer_id, habit, value, count(*) as orders
  from (
    select customer_id, 'channel' as habit, channel as value from placed
    union all
    select customer_id, 'shop', shop from placed where shop is not null
    union all
    select customer_id, 'weekday', cast(cast(date_part('isodow', at) as bigint) as varchar) from placed
    union all
    select customer_id, 'hour', lpad(cast(cast(date_part('hour', at) as bigint) as varchar), 2, '0') from placed
  ) as told
  group by customer_id, habit, value
),
ranked_habits as (
  select *, row_number() over (partition by customer_id, habit order by orders desc, value) as nth
  from habits
),
usual as (
  select
    customer_id,
    max(value) filter (where habit = 'channel') as channel,
    max(value) filter (where habit = 'shop') as shop,
    max(orders) filter (where habit = 'shop') as shop_orders,
    cast(max(value) filter (where habit = 'weekday') as bigint) as weekday,
    cast(max(value) filter (where habit = 'hour') as bigint) as hour
  from ranked_habits
  where nth = 1
  group by customer_id
),
viewed as (
  select
    c.*,
    n.* except (customer_id),
    u.channel as usual_channel,
    u.shop as usual_shop,
    s.city as usual_shop_city,
    u.weekday as usual_weekday,
    u.hour as usual_hour,
    f.first as favourite_category,
    concat_ws(', ', f.first, f.second, f.third) as favourite_categories,
    x.interests as interests_never_bought,
    coalesce(a.consent_email, false) as consent_email,
    coalesce(a.consent_phone, false) as consent_phone,
    coalesce(a.consent_post, false) as consent_post,
    coalesce(a.consent_sms, false) as consent_sms,
    coalesce(a.profiling_email, false) as profiling_email,
    coalesce(a.profiling_phone, false) as profiling_phone,
    coalesce(a.profiling_post, false) as profiling_post,
    coalesce(a.profiling_sms, false) as profiling_sms,
    x.interests is not null as interest_never_bought,
    coalesce(strpos(c.interests, f.first) = 0, false) as favourite_not_declared,
    coalesce(
      u.shop_orders >= 2
        and not starts_with(concat(standard_city(s.city), ' '), concat(standard_city(c.city), ' ')),
      false
    ) as city_not_usual_shop,
    coalesce(
      c.preferred_contact <> 'email' and n.emails_opened_365d >= 3 and n.calls_365d = 0, false
    ) as answers_email_only,
    coalesce(c.preferred_contact = 'email' and n.emails_sent_365d >= 5 and n.emails_opened_365d = 0, false)
      as prefers_email_never_opens,
    coalesce(a.consent_email and n.emails_sent_365d >= 5 and n.emails_opened_365d = 0, false)
      as consents_email_never_opens,
    coalesce(n.emails_opened_90d > 0 and not coalesce(a.consent_email, false), false)
      as refuses_email_yet_opens,
    coalesce(n.emails_bounced_365d > 0, false) as email_bounces,
    coalesce(a.disagree, false) as consent_records_disagree
  from core.customers c
  left join counted n on n.customer_id = c.customer_id
  left join usual u on u.customer_id = c.customer_id
  left join raw.shops s on s.shop = u.shop
  left join favourites f on f.customer_id = c.customer_id
  left join unbought x on x.customer_id = c.customer_id
  left join consents a on a.customer_id = c.customer_id
)
select
  v.customer_id,
  -- who they are
  v.title,
  v.first_name,
  v.last_name,
  v.birth_date,
  v.email,
  v.phone,
  v.street,
  v.postcode,
  v.city,
  v.known_since,
  v.cards,
  v.accounts,
  coalesce(f.orders_total, 0) = 0 as is_prospect,
  -- what they said
  v.preferred_contact,
  v.interests,
  v.consent_email,
  v.consent_phone,
  v.consent_post,
  v.consent_sms,
  v.profiling_email,
  v.profiling_phone,
  v.profiling_post,
  v.profiling_sms,
  v.last_consent_at,
  -- what they do
  v.favourite_category,
  nullif(v.favourite_categories, '') as favourite_categories,
  v.usual_channel,
  v.usual_shop,
  v.usual_shop_city,
  v.usual_weekday,
  v.usual_hour,
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
  -- where the two contradict each other
  v.interest_never_bought,
  v.interests_never_bought,
  v.favourite_not_declared,
  v.city_not_usual_shop,
  v.answers_email_only,
  v.prefers_email_never_opens,
  v.consents_email_never_opens,
  v.refuses_email_yet_opens,
  v.email_bounces,
  v.consent_records_disagree,
  cast(v.interest_never_bought as bigint) + cast(v.favourite_not_declared as bigint)
    + cast(v.city_not_usual_shop as bigint) + cast(v.answers_email_only as bigint)
    + cast(v.prefers_email_never_opens as bigint) + cast(v.consents_email_never_opens as bigint)
    + cast(v.refuses_email_yet_opens as bigint) + cast(v.email_bounces as bigint)
    + cast(v.consent_records_disagree as bigint) as contradictions,
  nullif(concat_ws(
    ', ',
    case when v.interest_never_bought then 'interest_never_bought' end,
    case when v.favourite_not_declared then 'favourite_not_declared' end,
    case when v.city_not_usual_shop then 'city_not_usual_shop' end,
    case when v.answers_email_only then 'answers_email_only' end,
    case when v.prefers_email_never_opens then 'prefers_email_never_opens' end,
    case when v.consents_email_never_opens then 'consents_email_never_opens' end,
    case when v.refuses_email_yet_opens then 'refuses_email_yet_opens' end,
    case when v.email_bounces then 'email_bounces' end,
    case when v.consent_records_disagree then 'consent_records_disagree' end
  ), '') as contradiction_list,
  -- every channel
  coalesce(v.interactions_total, 0) as interactions_total,
  coalesce(v.interactions_365d, 0) as interactions_365d,
  coalesce(v.shop_interactions_total, 0) as shop_interactions_total,
  coalesce(v.shop_interactions_365d, 0) as shop_interactions_365d,
  v.shop_first_at,
  v.shop_last_at,
  coalesce(v.web_interactions_total, 0) as web_interactions_total,
  coalesce(v.web_interactions_365d, 0) as web_interactions_365d,
  v.web_first_at,
  v.web_last_at,
  coalesce(f.web_visits_90d, 0) as web_visits_90d,
  v.last_web_visit_at,
  coalesce(v.email_interactions_total, 0) as email_interactions_total,
  coalesce(v.email_interactions_365d, 0) as email_interactions_365d,
  v.email_first_at,
  v.email_last_at,
  coalesce(v.emails_sent_90d, 0) as emails_sent_90d,
  coalesce(v.emails_sent_365d, 0) as emails_sent_365d,
  coalesce(v.emails_opened_90d, 0) as emails_opened_90d,
  coalesce(v.emails_opened_365d, 0) as emails_opened_365d,
  coalesce(v.emails_clicked_365d, 0) as emails_clicked_365d,
  v.last_email_opened_at,
  coalesce(v.phone_interactions_total, 0) as phone_interactions_total,
  coalesce(v.phone_interactions_365d, 0) as phone_interactions_365d,
  v.phone_first_at,
  v.phone_last_at,
  coalesce(v.calls_365d, 0) as calls_365d,
  v.last_call_at,
  coalesce(v.post_interactions_total, 0) as post_interactions_total,
  coalesce(v.post_interactions_365d, 0) as post_interactions_365d,
  v.post_first_at,
  v.post_last_at,
  coalesce(v.letters_365d, 0) as letters_365d,
  coalesce(v.form_interactions_total, 0) as form_interactions_total,
  coalesce(v.form_interactions_365d, 0) as form_interactions_365d,
  v.form_first_at,
  v.form_last_at,
  coalesce(k.contacts_14d, 0) as contacts_14d,
  coalesce(k.contacts_90d, 0) as contacts_90d,
  -- what happened last, whichever way, then each way
  v.first_interaction_at,
  l.occurred_at as last_interaction_at,
  l.channel as last_interaction_channel,
  l.kind as last_interaction_kind,
  l.in_at as last_in_at,
  l.in_channel as last_in_channel,
  l.in_kind as last_in_kind,
  l.out_at as last_out_at,
  l.out_channel as last_out_channel,
  l.out_kind as last_out_kind,
  v.last_order_at,
  -- what went wrong
  coalesce(v.incidents_30d, 0) as incidents_30d,
  coalesce(v.incidents_90d, 0) as incidents_90d,
  coalesce(v.incidents_365d, 0) as incidents_365d,
  v.last_incident_at,
  coalesce(
    v.last_incident_at >= $as_of - interval '90 days'
      and (v.content_at is null or v.content_at <= v.last_incident_at),
    false
  ) as incident_is_open,
  coalesce(v.complaints_30d, 0) as complaints_30d,
  coalesce(v.complaints_90d, 0) as complaints_90d,
  coalesce(v.complaints_365d, 0) as complaints_365d,
  v.last_complaint_at,
  coalesce(v.late_parcels_30d, 0) as late_parcels_30d,
  coalesce(v.late_parcels_90d, 0) as late_parcels_90d,
  coalesce(v.late_parcels_365d, 0) as late_parcels_365d,
  v.last_late_parcel_at,
  coalesce(v.returns_30d, 0) as returns_30d,
  coalesce(v.returns_90d, 0) as returns_90d,
  coalesce(v.returns_365d, 0) as returns_365d,
  coalesce(v.returns_total, 0) as returns_total,
  v.last_return_at
from viewed v
left join mart.customer_features f on f.customer_id = v.customer_id
left join contacted k on k.customer_id = v.customer_id
left join lasts l on l.customer_id = v.customer_id
