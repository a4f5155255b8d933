-- Grain: one row per entry. Amounts are signed: what the company earns is positive, what it costs negative, so that
-- any sum of entries is a profit. What was paid for many (`core.shared_costs`) is divided evenly among those who
-- bear it, the cents that are left over going to the first of them by a hash: the largest remainders. An entry of
-- 0.00 is none.
with rates as (
  select item, rate, valid_from, valid_to from core.cost_rates
),
contact_prices as (
  select channel, cost, valid_from,
    lead(valid_from) over (partition by channel order by valid_from) as valid_to
  from core.contact_costs
),
-- Goods: each line with its tax and what the goods cost the company.
lines as (
  select
    lines.order_id, lines.line_no, lines.customer_id, cast(null as varchar) as organisation_id, lines.ordered_at,
    lines.channel, case when lines.channel = 'shop' then 'shop_tickets' else 'web_orders' end as source,
    lines.is_return, lines.product_id, products.category, lines.discount, lines.net_amount,
    lines.quantity * products.unit_cost as product_cost
  from core.order_lines as lines
  left join core.products on products.product_id = lines.product_id
  union all
  select
    invoices.invoice, 1, null, invoices.organisation_id, day_end(invoices.issued_on), 'key_account', 'invoices',
    false, invoices.product_id, products.category, 0, invoices.amount, invoices.quantity * products.unit_cost
  from core.invoices
  left join core.products on products.product_id = invoices.product_id
  where invoices.is_key_account
),
taxed as (
  select
    lines.*, cast(round(lines.net_amount * rates.rate / (100 + rates.rate), 2) as decimal(18,2)) as tax
  from lines
  left join rates
    on rates.item = 'tax_percent' and rates.valid_from <= lines.ordered_at
    and (rates.valid_to is null or lines.ordered_at < rates.valid_to)
),
goods as (
  select
    concat(order_id, '/', line_no) as reference, customer_id, organisation_id, ordered_at as booked_at, channel,
    source, is_return, product_id, category,
    unnest(case
      when is_return then make_array('returns', 'tax', 'product_cost')
      else make_array('sales', 'discounts', 'tax', 'product_cost')
    end) as account,
    unnest(case
      when is_return then make_array(net_amount, -tax, -product_cost)
      else make_array(net_amount + discount, -discount, -tax, -product_cost)
    end) as amount
  from taxed
),
-- Work: parcels, returns, calls, letters, requests, visits.
web_buyers as (
  select distinct order_id, customer_id from core.orders where channel = 'web' and not is_return
),
work as (
  select
    'delivery' as account, parcels.order_id as reference, web_buyers.customer_id,
    cast(null as varchar) as organisation_id, parcels.delivered_at as booked_at, 'web' as channel,
    'parcels' as source, 'parcel' as item, false as is_return
  from channel.parcels
  left join web_buyers on web_buyers.order_id = parcels.order_id
  union all
  select
    'return_handling', order_id, customer_id, null, ordered_at, channel,
    case when channel = 'shop' then 'shop_tickets' else 'web_orders' end, concat('return_', channel), true
  from core.orders
  where is_return
  union all
  select 'contact', visit, null, organisation_id, day_end(visited_on), 'key_account', 'visits', 'visit', false
  from core.visits
),
contacted as (
  select
    calls.call_id as reference, ids.customer_id, calls.started_at as booked_at, 'phone' as channel,
    'calls' as source, cast(null as decimal(12,3)) as unit_cost
  from channel.calls
  left join core.customer_ids as ids on ids.source = 'call' and ids.record_id = calls.call_id
  union all
  select mailings.mailing, ids.customer_id, mailings.mailed_at, 'post', 'mailings', letters.unit_cost
  from channel.mailings
  left join channel.letters on letters.campaign_id = mailings.campaign_id
  left join core.customer_ids as ids on ids.source = 'card' and ids.record_id = mailings.card
  where not mailings.is_control
  union all
  select
    concat('request ', row_number() over (order by events.occurred_at, events.cookie, events.subject)),
    ids.customer_id, events.occurred_at, 'web', 'web_events', null
  from channel.web_events as events
  left join core.customer_ids as ids on ids.source = 'cookie' and ids.record_id = events.cookie
  where events.kind = 'information_request'
),
-- Money that came late, and money that never came: the tax of what is written off is given back.
waited as (
  select *, case when paid_on > due_on then paid_on else written_off_on end as waited_until
  from core.invoices
),
owed as (
  select
    waited.*,
    reminders.rate as reminder_cost,
    credit.rate as credit_percent,
    taxes.rate as tax_percent,
    cast(waited.waited_until - waited.due_on as bigint) as days_late
  from waited
  left join rates as reminders
    on reminders.item = 'reminder' and reminders.valid_from <= day_end(waited.due_on)
    and (reminders.valid_to is null or day_end(waited.due_on) < reminders.valid_to)
  left join rates as credit
    on credit.item = 'credit_percent' and credit.valid_from <= day_end(waited.due_on)
    and (credit.valid_to is null or day_end(waited.due_on) < credit.valid_to)
  left join rates as taxes
    on taxes.item = 'tax_percent' and taxes.valid_from <= day_end(waited.issued_on)
    and (taxes.valid_to is null or day_end(waited.issued_on) < taxes.valid_to)
  where waited.waited_until is not null
),
-- Customers to whom a part of a shared cost is allocated.
bearers as (
  select
    concat('mails ', events.campaign_id, ' at ', prices.cost) as cost_id, events.email as bearer, ids.customer_id,
    events.occurred_at as booked_at
  from channel.email_events as events
  left join contact_prices as prices
    on prices.channel = 'email' and prices.valid_from <= events.occurred_at
    and (prices.valid_to is null or events.occurred_at < prices.valid_to)
  left join core.customer_ids as ids on ids.source = 'email' and ids.record_id = events.email
  where events.event = 'sent'
  union all
  select concat('letters ', mailings.campaign_id), mailings.mailing, ids.customer_id, mailings.mailed_at
  from channel.mailings
  left join core.customer_ids as ids on ids.source = 'card' and ids.record_id = mailings.card
  where not mailings.is_control
  union all
  select
    case
      when campaign_id is not null then concat('won ', campaign_id)
      else concat('won ', cast(date_trunc('month', came_on) as date), ' ', acquisition_channel)
    end,
    record_id, customer_id, day_end(came_on)
  from core.acquisitions
),
ranked as (
  select
    *, row_number() over (partition by cost_id order by md5(concat(cost_id, ' ', bearer)), bearer) as nth
  from bearers
),
shared as (
  select
    costs.account,
    costs.cost_id as reference,
    coalesce(ranked.nth, 0) as nth,
    ranked.customer_id,
    greatest(costs.booked_at, coalesce(ranked.booked_at, costs.booked_at)) as booked_at,
    costs.channel,
    case costs.account when 'contact' then 'email_events' when 'campaign' then 'letters' else 'acquisition' end
      as source,
    case
      when ranked.cost_id is null then cast(costs.amount * 100 as bigint)
      else cast(costs.amount * 100 as bigint) / costs.bearers
        + case when ranked.nth <= cast(costs.amount * 100 as bigint) % costs.bearers then 1 else 0 end
    end as cents
  from core.shared_costs as costs
  left join ranked on ranked.cost_id = costs.cost_id
),
entries as (
  select
    reference as document, account, customer_id, organisation_id, booked_at, product_id, category as product_line,
    channel, source, reference, is_return, amount
  from goods
  union all
  select
    work.reference as document, work.account, work.customer_id, work.organisation_id, work.booked_at, null, null,
    work.channel, work.source, work.reference, work.is_return, -cast(round(rates.rate, 2) as decimal(18,2))
  from work
  left join rates
    on rates.item = work.item and rates.valid_from <= work.booked_at
    and (rates.valid_to is null or work.booked_at < rates.valid_to)
  union all
  select
    contacted.reference as document, 'contact', contacted.customer_id, null, contacted.booked_at, null, null,
    contacted.channel, contacted.source, contacted.reference, false, -cast(round(coalesce(contacted.unit_cost, prices.cost), 2) as decimal(18,2))
  from contacted
  left join contact_prices as prices
    on prices.channel = contacted.channel and prices.valid_from <= contacted.booked_at
    and (prices.valid_to is null or contacted.booked_at < prices.valid_to)
  union all
  select
    reward as document, 'reward', customer_id, null, day_end(given_on), null, null, 'loyalty', 'rewards', reward, false, -amount
  from core.rewards
  union all
  select
    invoice as document, 'late_payment', customer_id, organisation_id, day_end(waited_until), null, null,
    case when is_key_account then 'key_account' else 'web' end, 'invoices', invoice, false,
    -cast(round(amount * credit_percent * days_late / 36500, 2) as decimal(18,2))
      - cast(reminder_cost * ((days_late + 29) / 30) as decimal(18,2))
  from owed
  union all
  select
    invoice as document, 'bad_debt', customer_id, organisation_id, day_end(written_off_on), null, null,
    case when is_key_account then 'key_account' else 'web' end, 'invoices', invoice, false,
    cast(round(amount * tax_percent / (100 + tax_percent), 2) as decimal(18,2)) - amount
  from owed
  where written_off_on is not null
  union all
  select
    concat(reference, ' ', nth), account, customer_id, null, booked_at, null, null, channel, source,
    reference, false,
    -cast(cents as decimal(18,2)) / 100
  from shared
),
booked as (
  select * except (amount), cast(amount as decimal(18,2)) as amount from entries
)
select
  concat(account, ' ', document) as entry_id,
  customer_id,
  organisation_id,
  booked_at,
  account,
  product_id,
  product_line,
  channel,
  source,
  reference,
  is_return,
  amount
from booked
where amount is null or amount <> 0
