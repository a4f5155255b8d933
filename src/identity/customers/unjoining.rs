//! Keys that join nobody: those that many share, and those of a record that holds many, `info@…` and the
//! tablet in the shop.

use std::collections::HashSet;

use arrow::array::{AsArray, RecordBatch};

use super::customer_id::key_hash;
use crate::error::{Context, Result};
use crate::identity::tables::{PERSON_RECORDS, table};
use crate::name::TableName;
use crate::warehouse::catalog::Session;

/// By their hashes.
#[derive(Debug, Default)]
pub struct Unjoining {
    keys: HashSet<u128>,
    records: HashSet<u128>,
    limit: u64,
}

impl Unjoining {
    /// Keys that are held under more than `limit` names, and records with more than `limit` keys of one
    /// kind: more than any one person has.
    pub async fn find(session: &Session, keys: &TableName, limit: u64) -> Result<Unjoining> {
        // A record without a name counts as a name of its own. Grouped twice: `count(distinct)` would
        // keep a hash table of its own for every key.
        let shared = format!(
            "select key_kind, key_value from (
               select cast(key_kind as varchar) as key_kind, cast(key_value as varchar) as key_value,
                      coalesce(first_name || ' ' || last_name, first_name, last_name,
                               cast(record_number as varchar)) as name
               from {keys} as k join {records} as p
                 on cast(k.source as varchar) = p.source and cast(k.record_id as varchar) = p.record_id
               where key_kind is not null and key_value is not null
               group by 1, 2, 3)
             group by key_kind, key_value having count(*) > {limit}",
            records = table(PERSON_RECORDS),
        );
        let busy = format!(
            "select distinct source, record_id from (
               select source, record_id, key_kind from (
                 select cast(source as varchar) as source, cast(record_id as varchar) as record_id,
                        cast(key_kind as varchar) as key_kind, cast(key_value as varchar) as key_value
                 from {keys}
                 where source is not null and record_id is not null and key_kind is not null and key_value is not null
                 group by 1, 2, 3, 4)
               group by source, record_id, key_kind having count(*) > {limit})"
        );
        Ok(Unjoining {
            keys: hashes(session, &shared, "look for keys that many share").await?,
            records: hashes(session, &busy, "look for records with many keys").await?,
            limit,
        })
    }

    pub fn has_key(&self, hash: u128) -> bool {
        self.keys.contains(&hash)
    }

    pub fn has_record(&self, source: &str, record_id: &str) -> bool {
        !self.records.is_empty() && self.records.contains(&key_hash(source, record_id))
    }

    /// What the run should say of them.
    pub fn notes(&self) -> Vec<String> {
        let (keys, records, limit) = (self.keys.len(), self.records.len(), self.limit);
        let shared = format!("{keys} keys are held under more than {limit} names each: they join nobody");
        let busy = format!(
            "{records} records hold more than {limit} keys of one kind each: they join nobody by keys"
        );
        [(keys, shared), (records, busy)].into_iter().filter(|(n, _)| *n > 0).map(|(_, note)| note).collect()
    }
}

/// The rows of a query of two texts, hashed.
async fn hashes(session: &Session, sql: &str, doing: &str) -> Result<HashSet<u128>> {
    let batches: Vec<RecordBatch> = session.sql(sql).await.doing(doing)?.collect().await.doing(doing)?;
    let mut found = HashSet::new();
    for batch in &batches {
        let (first, second) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        found.extend(first.iter().zip(second).filter_map(|(first, second)| Some(key_hash(first?, second?))));
    }
    Ok(found)
}
