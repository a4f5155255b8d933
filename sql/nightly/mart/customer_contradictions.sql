-- Grain: one row per customer, prospects included: where what they said and what they do contradict each
-- other. Each contradiction is a condition of its own; the list and the count follow from them.
with
-- `Paris Marais` is in Paris: a shop is in the city whose words its own city begins with.
cities as (
  select distinct city from core.customers where city is not null
),
shops_in_city as (
  select cities.city, shops.shop
  from cities
  join core.shops on starts_with(concat(standard_city(shops.city), ' '), concat(standard_city(cities.city), ' '))
),
cities_with_shop as (
  select distinct city from shops_in_city
),
email as (
  select
    customer_id,
    emails_sent_365d >= 5 and emails_opened_365d = 0 as never_opens,
    emails_opened_365d >= 3 and calls_365d = 0 as is_only_answer,
    emails_opened_90d > 0 as opens,
    emails_bounced_365d > 0 as bounces
  from mart.customer_interactions
),
found as (
  select
    customers.customer_id,
    tastes.interests_never_bought is not null as interest_never_bought,
    tastes.interests_never_bought,
    strpos(customers.interests, tastes.favourite_category) = 0 as favourite_not_declared,
    -- One order is no habit, and who lives where there is no shop has to go elsewhere.
    habits.usual_shop_orders >= 2 and cities_with_shop.city is not null and shops_in_city.shop is null
      as city_not_usual_shop,
    customers.preferred_contact <> 'email' and email.is_only_answer as answers_email_only,
    customers.preferred_contact = 'email' and email.never_opens as prefers_email_never_opens,
    consents.consent_email and email.never_opens as consents_email_never_opens,
    not consents.consent_email and email.opens as refuses_email_yet_opens,
    email.bounces as email_bounces,
    consents.records_disagree as consent_records_disagree
  from core.customers
  left join email on email.customer_id = customers.customer_id
  left join mart.customer_consents as consents on consents.customer_id = customers.customer_id
  left join mart.customer_tastes as tastes on tastes.customer_id = customers.customer_id
  left join mart.customer_habits as habits on habits.customer_id = customers.customer_id
  left join cities_with_shop on cities_with_shop.city = customers.city
  left join shops_in_city on shops_in_city.city = customers.city and shops_in_city.shop = habits.usual_shop
),
listed as (
  select
    *,
    nullif(concat_ws(
      ', ',
      case when interest_never_bought then 'interest_never_bought' end,
      case when favourite_not_declared then 'favourite_not_declared' end,
      case when city_not_usual_shop then 'city_not_usual_shop' end,
      case when answers_email_only then 'answers_email_only' end,
      case when prefers_email_never_opens then 'prefers_email_never_opens' end,
      case when consents_email_never_opens then 'consents_email_never_opens' end,
      case when refuses_email_yet_opens then 'refuses_email_yet_opens' end,
      case when email_bounces then 'email_bounces' end,
      case when consent_records_disagree then 'consent_records_disagree' end
    ), '') as contradiction_list
  from found
)
select
  customer_id,
  -- Where one of the two is not known there is no contradiction.
  coalesce(interest_never_bought, false) as interest_never_bought,
  interests_never_bought,
  coalesce(favourite_not_declared, false) as favourite_not_declared,
  coalesce(city_not_usual_shop, false) as city_not_usual_shop,
  coalesce(answers_email_only, false) as answers_email_only,
  coalesce(prefers_email_never_opens, false) as prefers_email_never_opens,
  coalesce(consents_email_never_opens, false) as consents_email_never_opens,
  coalesce(refuses_email_yet_opens, false) as refuses_email_yet_opens,
  coalesce(email_bounces, false) as email_bounces,
  coalesce(consent_records_disagree, false) as consent_records_disagree,
  coalesce(cast(array_length(string_to_array(contradiction_list, ', ')) as bigint), 0) as contradictions,
  contradiction_list
from listed
