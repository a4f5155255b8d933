-- One row per customer, prospects included: who they are, what they said, what they do, where the two
-- contradict each other, every channel, what happened last, what went wrong.
with
-- The timeline by kind of interaction: read once, and small.
kinds as (
  select
    customer_id, channel, kind, direction, is_incident,
    coalesce(kind = 'call' and detail = 'réclamation', false) as is_complaint,
    count(*) as n,
    count(*) filter (where occurred_at >= $as_of - interval '30 days') as n_30d,
    count(*) filter (where occurred_at >= $as_of - interval '90 days') as n_90d,
    count(*) filter (where occurred_at >= $as_of - interval '365 days') as n_365d,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at,
    max(position) as last_position
  from mart.timeline
  group by 1, 2, 3, 4, 5, 6
),
counted as (
  select
    customer_id,
    sum(n) as interactions_total,
    sum(n_365d) as interactions_365d,
    min(first_at) as first_interaction_at,
    max(last_at) as last_interaction_at,
    last_value(channel order by last_position) as last_interaction_channel,
    last_value(kind order by last_position) as last_interaction_kind,
    max(last_at) filter (where direction = 'in') as last_in_at,
    last_value(channel order by last_position) filter (where direction = 'in') as last_in_channel,
    last_value(kind order by last_position) filter (where direction = 'in') as last_in_kind,
    max(last_at) filter (where direction = 'out') as last_out_at,
    last_value(channel order by last_position) filter (where direction = 'out') as last_out_channel,
    last_value(kind order by last_position) filter (where direction = 'out') as last_out_kind,
    sum(n) filter (where channel = 'shop') as shop_interactions_total,
    sum(n_365d) filter (where channel = 'shop') as shop_interactions_365d,
    min(first_at) filter (where channel = 'shop') as shop_first_at,
    max(last_at) filter (where channel = 'shop') as shop_last_at,
    sum(n) filter (where channel = 'web') as web_interactions_total,
    sum(n_365d) filter (where channel = 'web') as web_interactions_365d,
    min(first_at) filter (where channel = 'web') as web_first_at,
    max(last_at) filter (where channel = 'web') as web_last_at,
    sum(n) filter (where channel = 'email') as email_interactions_total,
    sum(n_365d) filter (where channel = 'email') as email_interactions_365d,
    min(first_at) filter (where channel = 'email') as email_first_at,
    max(last_at) filter (where channel = 'email') as email_last_at,
    sum(n) filter (where channel = 'phone') as phone_interactions_total,
    sum(n_365d) filter (where channel = 'phone') as phone_interactions_365d,
    min(first_at) filter (where channel = 'phone') as phone_first_at,
    max(last_at) filter (where channel = 'phone') as phone_last_at,
    sum(n) filter (where channel = 'post') as post_interactions_total,
    sum(n_365d) filter (where channel = 'post') as post_interactions_365d,
    min(first_at) filter (where channel = 'post') as post_first_at,
    max(last_at) filter (where channel = 'post') as post_last_at,
    sum(n) filter (where channel = 'form') as form_interactions_total,
    sum(n_365d) filter (where channel = 'form') as form_interactions_365d,
    min(first_at) filter (where channel = 'form') as form_first_at,
    max(last_at) filter (where channel = 'form') as form_last_at,
    sum(n_365d) filter (where kind = 'call') as calls_365d,
    sum(n_365d) filter (where kind = 'letter_sent') as letters_365d,
    sum(n_90d) filter (where kind = 'email_sent') as emails_sent_90d,
    sum(n_365d) filter (where kind = 'email_sent') as emails_sent_365d,
    sum(n_90d) filter (where kind = 'email_opened') as emails_opened_90d,
    sum(n_365d) filter (where kind = 'email_opened') as emails_opened_365d,
    sum(n_365d) filter (where kind = 'email_clicked') as emails_clicked_365d,
    sum(n_365d) filter (where kind = 'email_bounced') as emails_bounced_365d,
    max(last_at) filter (where kind = 'order') as last_order_at,
    max(last_at) filter (where kind = 'call') as last_call_at,
    max(last_at) filter (where kind = 'email_opened') as last_email_opened_at,
    max(last_at) filter (where kind = 'page_view') as last_web_visit_at,
    max(last_at) filter (where kind in ('consent_granted', 'consent_refused')) as last_consent_at,
    sum(n_30d) filter (where is_incident) as incidents_30d,
    sum(n_90d) filter (where is_incident) as incidents_90d,
    sum(n_365d) filter (where is_incident) as incidents_365d,
    max(last_at) filter (where is_incident) as last_incident_at,
    sum(n_30d) filter (where is_complaint) as complaints_30d,
    sum(n_90d) filter (where is_complaint) as complaints_90d,
    sum(n_365d) filter (where is_complaint) as complaints_365d,
    max(last_at) filter (where is_complaint) as last_complaint_at,
    sum(n_30d) filter (where kind = 'delivery' and is_incident) as late_parcels_30d,
    sum(n_90d) filter (where kind = 'delivery' and is_incident) as late_parcels_90d,
    sum(n_365d) filter (where kind = 'delivery' and is_incident) as late_parcels_365d,
    max(last_at) filter (where kind = 'delivery' and is_incident) as last_late_parcel_at,
    sum(n_30d) filter (where kind = 'return') as returns_30d,
    sum(n_90d) filter (where kind = 'return') as returns_90d,
    sum(n_365d) filter (where kind = 'return') as returns_365d,
    sum(n) filter (where kind = 'return') as returns_total,
    max(last_at) filter (where kind = 'return') as last_return_at,
    -- What closes an incident: a purchase, or a call that is not an incident itself.
    max(last_at) filter (where kind = 'order' or (kind = 'call' and not is_incident)) as content_at
  from kinds
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
-- What holds on each channel for each purpose is what was said last.
latest as (
  select customer_id, channel, purpose, max(valid_from) as valid_from
  from core.consents
  group by customer_id, channel, purpose
),
consents as (
  select
    c.customer_id,
    bool_and(c.granted) filter (where c.channel = 'email' and c.purpose = 'promotions') as consent_email,
    bool_and(c.granted) filter (where c.channel = 'phone' and c.purpose = 'promotions') as consent_phone,
    bool_and(c.granted) filter (where c.channel = 'post' and c.purpose = 'promotions') as consent_post,
    bool_and(c.granted) filter (where c.channel = 'sms' and c.purpose = 'promotions') as consent_sms,
    bool_and(c.granted) filter (where c.channel = 'email' and c.purpose = 'profilage') as profiling_email,
    bool_and(c.granted) filter (where c.channel = 'phone' and c.purpose = 'profilage') as profiling_phone,
    bool_and(c.granted) filter (where c.channel = 'post' and c.purpose = 'profilage') as profiling_post,
    bool_and(c.granted) filter (where c.channel = 'sms' and c.purpose = 'profilage') as profiling_sms,
    bool_or(c.refusals between 1 and c.records - 1) as disagree
  from core.consents c
  join latest l
    on l.customer_id = c.customer_id and l.channel = c.channel and l.purpose = c.purpose
    and l.valid_from = c.valid_from
  group by c.customer_id
),
-- What they spend on and what they named as an interest, by category.
tastes as (
  select customer_id, category, sum(net_amount) as net_amount, max(bought) as bought, max(named) as named
  from (
    select l.customer_id, p.category, l.net_amount, 1 as bought, 0 as named
    from core.order_lines l
    join core.products p on p.product_id = l.product_id
    where l.customer_id is not null
    union all
    select customer_id, trim(interest), 0, 0, 1
    from (
      select customer_id, unnest(string_to_array(interests, ',')) as interest
      from core.customers
      where interests is not null
    ) as listed
  ) as told
  where category <> ''
  group by customer_id, category
),
ranked_tastes as (
  select
    *,
    net_amount > 0 as liked,
    max(bought) over (partition by customer_id) as buys,
    row_number() over (partition by customer_id order by net_amount desc, category) as nth
  from tastes
),
favourites as (
  select
    customer_id,
    max(category) filter (where nth = 1 and liked) as first,
    max(category) filter (where nth = 2 and liked) as second,
    max(category) filter (where nth = 3 and liked) as third,
    -- Of those who have bought something.
    string_agg(category, ', ' order by category) filter (where named = 1 and bought = 0 and buys = 1)
      as never_bought
  from ranked_tastes
  group by customer_id
),
placed as (
  select
    customer_id, channel, shop,
    cast(date_part('isodow', at) as bigint) as weekday,
    cast(date_part('hour', at) as bigint) as hour
  from (
    select customer_id, channel, shop, ordered_at at time zone 'Europe/Paris' as at
    from core.orders
    where customer_id is not null and not is_return
  ) as local
),
habits as (
  select
    customer_id, channel, shop, weekday, hour, count(*) as orders,
    case
      when channel is not null then 'channel'
      when shop is not null then 'shop'
      when weekday is not null then 'weekday'
      when hour is not null then 'hour'
    end as habit
  from placed
  group by grouping sets (
    (customer_id, channel), (customer_id, shop), (customer_id, weekday), (customer_id, hour)
  )
),
usual as (
  select
    customer_id,
    first_value(channel order by orders desc, channel) filter (where habit = 'channel') as channel,
    first_value(shop order by orders desc, shop) filter (where habit = 'shop') as shop,
    max(orders) filter (where habit = 'shop') as shop_orders,
    first_value(weekday order by orders desc, weekday) filter (where habit = 'weekday') as weekday,
    first_value(hour order by orders desc, hour) filter (where habit = 'hour') as hour
  from habits
  group by customer_id
),
-- The cities that customers named and that have a shop: `Paris Marais` is one in Paris.
cities_with_shop as (
  select distinct d.city
  from (select distinct city from core.customers) as d
  join core.shops s
    on starts_with(concat(standard_city(s.city), ' '), concat(standard_city(d.city), ' '))
  where d.city is not null
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
    f.never_bought as interests_never_bought,
    coalesce(a.consent_email, false) as consent_email,
    coalesce(a.consent_phone, false) as consent_phone,
    coalesce(a.consent_post, false) as consent_post,
    coalesce(a.consent_sms, false) as consent_sms,
    coalesce(a.profiling_email, false) as profiling_email,
    coalesce(a.profiling_phone, false) as profiling_phone,
    coalesce(a.profiling_post, false) as profiling_post,
    coalesce(a.profiling_sms, false) as profiling_sms,
    f.never_bought is not null as interest_never_bought,
    coalesce(strpos(c.interests, f.first) = 0, false) as favourite_not_declared,
    coalesce(
      -- Who lives where there is no shop has to go elsewhere.
      u.shop_orders >= 2 and w.city is not null
        and not starts_with(concat(standard_city(s.city), ' '), concat(standard_city(c.city), ' ')),
      false
    ) as city_not_usual_shop,
    coalesce(
      c.preferred_contact <> 'email' and coalesce(n.emails_opened_365d, 0) >= 3 and coalesce(n.calls_365d, 0) = 0, false
    ) as answers_email_only,
    coalesce(c.preferred_contact = 'email' and coalesce(n.emails_sent_365d, 0) >= 5 and coalesce(n.emails_opened_365d, 0) = 0, false)
      as prefers_email_never_opens,
    coalesce(a.consent_email and coalesce(n.emails_sent_365d, 0) >= 5 and coalesce(n.emails_opened_365d, 0) = 0, false)
      as consents_email_never_opens,
    coalesce(coalesce(n.emails_opened_90d, 0) > 0 and not coalesce(a.consent_email, false), false)
      as refuses_email_yet_opens,
    coalesce(coalesce(n.emails_bounced_365d, 0) > 0, false) as email_bounces,
    coalesce(a.disagree, false) as consent_records_disagree
  from core.customers c
  left join counted n on n.customer_id = c.customer_id
  left join usual u on u.customer_id = c.customer_id
  left join core.shops s on s.shop = u.shop
  left join cities_with_shop w on w.city = c.city
  left join favourites f on f.customer_id = c.customer_id
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
  v.last_interaction_at,
  v.last_interaction_channel,
  v.last_interaction_kind,
  v.last_in_at,
  v.last_in_channel,
  v.last_in_kind,
  v.last_out_at,
  v.last_out_channel,
  v.last_out_kind,
  v.last_order_at,
  -- what went wrong
  coalesce(v.incidents_30d, 0) as incidents_30d,
  coalesce(v.incidents_90d, 0) as incidents_90d,
  coalesce(v.incidents_365d, 0) as incidents_365d,
  v.last_incident_at,
  coalesce(
    v.last_incident_at + interval '90 days' >= $as_of
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
