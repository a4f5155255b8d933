-- One row per person record.
select 'person' as source, record as record_id, * from raw.persons
