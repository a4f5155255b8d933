-- Grain: one customer and channel at one instant. Purpose: who agreed to be contacted. This data set
-- records no consent at all, so the table is empty and the audience says `consent = false`; a tool
-- that expects the table finds it.
select
  cast(null as varchar) as customer_id,
  cast(null as varchar) as channel,
  cast(null as boolean) as granted,
  day_start(null) as valid_from
where false
