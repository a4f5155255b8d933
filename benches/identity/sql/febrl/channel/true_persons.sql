-- One row per record whose person is known.
select 'febrl' as source, record as record_id, person from raw.truth
