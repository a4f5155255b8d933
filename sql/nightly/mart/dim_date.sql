-- Grain: one row per day, from the first of January of the first year with an order or a contact to the end of the
-- present year.
with span as (
  select
    date_trunc('year', least(
      (select min(local_day(ordered_at)) from core.order_lines),
      (select min(local_day(contacted_at)) from core.contacts),
      local_day($as_of)
    )) as first_day,
    date_trunc('year', local_day($as_of)) + interval '1 year' - interval '1 day' as last_day
),
days as (
  select cast(unnest(generate_series(cast(first_day as date), cast(last_day as date), interval '1 day')) as date) as date
  from span
),
named as (select date, public_holiday(date, 'FR') as holiday, cast(date_part('isodow', date) as int) as weekday from days)
select
  date,
  cast(date_part('year', date) as int) as year,
  cast(date_part('quarter', date) as int) as quarter,
  cast(date_part('month', date) as int) as month,
  cast(date_part('day', date) as int) as day,
  cast(date_part('doy', date) as int) as day_of_year,
  weekday,
  cast(date_part('week', date) as int) as iso_week,
  -- The year of a week is that of its Thursday.
  cast(date_part('year', cast(date_trunc('week', date) as date) + interval '3 days') as int) as iso_year,
  cast(date_trunc('week', date) as date) as week_begins_on,
  cast(date_trunc('month', date) as date) as month_begins_on,
  to_char(date, '%Y-%m') as year_month,
  weekday >= 6 as is_weekend,
  holiday as public_holiday,
  holiday is not null as is_public_holiday,
  weekday < 6 and holiday is null as is_working_day
from named
