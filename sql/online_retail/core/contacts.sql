-- Grain: one customer contacted in one campaign. This data set records no campaigns, so the table is
-- empty; a tool that expects it finds it.
select
  cast(null as varchar) as contact_id,
  cast(null as varchar) as customer_id,
  cast(null as varchar) as campaign_id,
  cast(null as varchar) as channel,
  day_end(null) as contacted_at
where false
