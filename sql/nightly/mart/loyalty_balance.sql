-- Grain: one row per measure: members of the loyalty scheme beside like customers who are none. Alike is who began in
-- the same quarter, on the same channel, with a first order of the same size; members with no like customer are left
-- out, and counted. Others weigh as much in each cell as there are members in it (exact matching, weighted to the
-- members). How far the two are apart in what they were at the beginning says how alike they are: the difference in
-- standard deviations, before the match and after it (Austin 2009: below 0.1 is small). A comparison of like, not the
-- effect of the scheme: who takes a card differs in what no record shows.
with ordered as (
  select
    customer_id,
    channel,
    net_amount,
    row_number() over (partition by customer_id order by ordered_at, order_id) as nth
  from core.orders
  where customer_id is not null and not is_return
),
records as (select cast(date_trunc('month', min(local_day(ordered_at))) as date) as since from core.orders),
compared as (
  select
    contract.*,
    cohorts.acquisition_channel,
    ordered.net_amount as first_order,
    case
      when contract.begins_on < records.since then 'before the records'
      else concat(
        cast(date_part('year', contract.begins_on) as int), '-Q', cast(date_part('quarter', contract.begins_on) as int)
      )
    end as tenure,
    ordered.channel as first_channel,
    case when ordered.net_amount < 20 then 'small' when ordered.net_amount < 60 then 'middling' else 'large' end
      as first_size
  from mart.loyalty_contract as contract
  join ordered on ordered.customer_id = contract.customer_id and ordered.nth = 1
  join mart.customer_cohorts as cohorts on cohorts.customer_id = contract.customer_id
  cross join records
),
cells as (
  select
    tenure,
    first_channel,
    first_size,
    count(*) filter (where is_member) as members,
    count(*) filter (where not is_member) as others
  from compared
  group by 1, 2, 3
),
measures as (
  select
    customer_id, is_member, tenure, first_channel, first_size,
    unnest(make_array(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)) as position,
    unnest(make_array(
      cast(days as decimal(18,4)),
      cast(first_order as decimal(18,4)),
      cast(case when first_channel = 'web' then 1 else 0 end as decimal(18,4)),
      cast(case when acquisition_channel = 'parrainage' then 1 else 0 end as decimal(18,4)),
      cast(rewards as decimal(18,4)),
      cast(rewards_amount as decimal(18,4)),
      cast(mails as decimal(18,4)),
      cast(letters as decimal(18,4)),
      cast(calls as decimal(18,4)),
      cast(contact_cost as decimal(18,4)),
      cast(orders as decimal(18,4)),
      cast(net_amount as decimal(18,4)),
      cast(margin as decimal(18,4)),
      cast(mails_opened as decimal(18,4)),
      cast(satisfaction_answers as decimal(18,4)),
      cast(web_visits as decimal(18,4)),
      cast(shop_visits as decimal(18,4)),
      cast(balance as decimal(18,4))
    )) as amount
  from compared
),
by_cell as (
  select
    position, tenure, first_channel, first_size,
    coalesce(sum(amount) filter (where is_member), 0) as of_members,
    coalesce(sum(amount) filter (where not is_member), 0) as of_others,
    coalesce(sum(amount * amount) filter (where is_member), 0) as squares_of_members,
    coalesce(sum(amount * amount) filter (where not is_member), 0) as squares_of_others
  from measures
  group by 1, 2, 3, 4
),
weighed as (
  select
    by_cell.*,
    cells.members,
    cells.others,
    cells.members > 0 and cells.others > 0 as is_matched,
    -- What the others would have come to, were they as many as the members.
    case
      when cells.others > 0 then cast(cast(by_cell.of_others as double) * cells.members / cells.others as decimal(28,8))
    end as of_like_others
  from by_cell
  join cells
    on cells.tenure = by_cell.tenure
    and cells.first_channel = by_cell.first_channel
    and cells.first_size = by_cell.first_size
),
summed as (
  select
    position,
    sum(members) as members,
    sum(others) as others,
    coalesce(sum(members) filter (where is_matched), 0) as members_matched,
    coalesce(sum(others) filter (where is_matched), 0) as others_matched,
    cast(sum(of_members) as double) / nullif(sum(members), 0) as members_before,
    cast(sum(of_others) as double) / nullif(sum(others), 0) as others_before,
    cast(sum(squares_of_members) as double) / nullif(sum(members), 0) as square_of_members,
    cast(sum(squares_of_others) as double) / nullif(sum(others), 0) as square_of_others,
    cast(sum(of_members) filter (where is_matched) as double)
      / nullif(coalesce(sum(members) filter (where is_matched), 0), 0) as members_mean,
    cast(sum(of_like_others) filter (where is_matched) as double)
      / nullif(coalesce(sum(members) filter (where is_matched), 0), 0) as others_mean
  from weighed
  group by 1
),
spread as (
  select
    *,
    nullif(
      sqrt(
        greatest(
          (
            square_of_members - members_before * members_before
              + square_of_others - others_before * others_before
          ) / 2.0,
          0.0
        )
      ),
      0.0
    ) as deviation
  from summed
),
names as (
  select * from (values
    (1, 'beginning', 'days', 'days'), (2, 'beginning', 'first order', '€'),
    (3, 'beginning', 'first order on the web', 'share'), (4, 'beginning', 'came by recommendation', 'share'),
    (5, 'given', 'rewards', 'rewards'), (6, 'given', 'worth of rewards', '€'), (7, 'given', 'newsletters', 'mails'),
    (8, 'given', 'letters', 'letters'), (9, 'given', 'calls answered', 'calls'), (10, 'given', 'cost of contacts', '€'),
    (11, 'gave back', 'orders', 'orders'), (12, 'gave back', 'net sales', '€'), (13, 'gave back', 'margin', '€'),
    (14, 'gave back', 'newsletters opened', 'mails'), (15, 'gave back', 'answers on satisfaction', 'answers'),
    (16, 'gave back', 'visits on the web', 'days'), (17, 'gave back', 'visits in shops', 'days'),
    (18, 'balance', 'margin less rewards and contacts', '€')
  ) as names (position, side, measure, unit)
)
select
  cast(names.position as bigint) as position,
  names.side,
  names.measure,
  names.unit,
  cast(spread.members as bigint) as members,
  cast(spread.members_matched as bigint) as members_matched,
  cast(spread.others as bigint) as others,
  cast(spread.others_matched as bigint) as others_matched,
  round(spread.members_before, 4) as members_before,
  round(spread.others_before, 4) as others_before,
  round((spread.members_before - spread.others_before) / spread.deviation, 4) as standardised_before,
  round(spread.members_mean, 4) as members_mean,
  round(spread.others_mean, 4) as others_mean,
  round(spread.members_mean - spread.others_mean, 4) as difference,
  round((spread.members_mean - spread.others_mean) / spread.deviation, 4) as standardised_after
from names
join spread on spread.position = names.position
