//! From decisions, keys and links to customers: `core.customer_ids`.
//!
//! ```text
//! universe       all records in order, each with its last customer
//! unusable_keys  keys that join no records                          → core.refused_keys
//! steward        a steward's decisions, which take precedence
//! clusters       groups of records, with limits            (components: union-find)
//! succession     tonight's customers take over last night's ids
//! id_history     which customer a record belonged to        → core.customer_id_history, …
//! trace          the history of a record or an id, night by night
//! ```
//!
//! The records are read in order, once to join them by keys and once to give them their ids; if there are
//! decisions of a steward, once before. In memory are a few words per record and key, the attributes that
//! tell persons apart, and the links.

mod all_records;
mod clusters;
mod components;
mod customer_id;
mod id_history;
mod steward;
mod succession;
mod trace;
mod unusable_keys;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use self::all_records::{Numbering, Rows};
use self::clusters::{Clusters, Marks};
use self::customer_id::key_hash;
use self::id_history::IdHistory;
use self::steward::Decisions;
use self::succession::{Overlap, Overlaps, Succession};
use self::unusable_keys::UnusableKeys;
use crate::error::{Context, Result};
use crate::identity::declaration::Identity;
use crate::identity::night::Night;
use crate::identity::tables::{CUSTOMER_IDS, PERSON_RECORDS, table};
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Mode, Staged};

pub use clusters::{Decision, Link, StewardDecision};
pub use components::Components;
pub use customer_id::CustomerId;
pub use succession::{Change, Kind};
pub use trace::{trace_id, trace_record};

/// What came of it.
pub struct Customers {
    /// `core.customer_ids`, then what is remembered of ids.
    pub staged: Vec<Staged>,
    /// What became of each link.
    pub decisions: Vec<Decision>,
    /// A steward's word on two person records, by their numbers as such.
    pub rulings: Vec<StewardDecision>,
    pub changes: Vec<Change>,
    /// Pairs of customers that a steward keeps apart, the smaller id first.
    pub cut: Vec<(String, String)>,
}

pub async fn find(
    catalog: &Catalog,
    identity: &Identity,
    night: &Night<'_>,
    links: &[Link],
    notes: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Result<Customers> {
    let person_records = table(PERSON_RECORDS);
    let mut tables: Vec<TableName> = identity.keys.iter().cloned().collect();
    tables.extend(identity.persons.is_some().then(|| person_records.clone()));
    let session = catalog.session(&tables, Some(night.as_of)).await?;
    let keys = match &identity.keys {
        Some(keys) => Some(session.table(keys).await?),
        None => None,
    };
    let persons = match &identity.persons {
        Some(_) => Some(session.table(&person_records).await?),
        None => None,
    };
    let former = match night.recalled {
        false => id_history::known(catalog, night).await?,
        true => id_history::tonight(catalog).await?,
    };
    // Missing columns are reported when the keys are ordered.
    let ordered = all_records::ordered(keys.clone(), persons.clone(), former)?;
    if let Some(keys) = keys {
        let doing = "find keys without a record";
        let nobodys =
            keys.filter(all_records::is_named().is_not_true()).doing(doing)?.count().await.doing(doing)?;
        if nobodys > 0 {
            warnings.push(format!("{nobodys} keys without source or record_id were ignored"));
        }
    }
    let (unusable_keys, refused) = UnusableKeys::find(catalog, &session, identity).await?;
    notes.extend(refused.notes);
    warnings.extend(refused.warnings);
    let marks = match persons {
        Some(records) => marks(records).await?,
        None => Vec::new(),
    };
    let most = identity.persons.as_ref().map_or(u64::MAX, |p| p.max_customer_records);
    let mut clusters = Clusters::new(marks, usize::try_from(most).unwrap_or(usize::MAX));

    let mut steward = match &identity.decisions {
        Some(table) => Decisions::read(catalog, table, night.as_of).await?,
        None => Decisions::default(),
    };
    if !steward.is_empty() {
        find_steward_records(&mut clusters, &mut steward, ordered.clone()).await?;
    }
    let rulings = steward.rulings();
    let stand = clusters.rule(&rulings);
    let cuts: Vec<(u32, u32)> = rulings
        .iter()
        .zip(&stand)
        .filter(|(ruling, stands)| **stands && !ruling.together)
        .map(|(ruling, _)| (ruling.left, ruling.right))
        .collect();
    warnings.extend(steward.warnings(&stand));
    let former = join_by_keys(&mut clusters, ordered.clone(), &unusable_keys).await?;
    let decisions = clusters.link(links);

    let succession = Succession::of(overlaps(&mut clusters, &former));
    let Written { mut staged, changes, cut } =
        write_ids(catalog, night, clusters, succession, ordered, &cuts).await?;
    staged.extend(refused.staged);
    Ok(Customers { staged, decisions, rulings: steward.standing_on_persons(&stand), changes, cut })
}

/// Returns the attributes that distinguish persons, by record number.
async fn marks(records: DataFrame) -> Result<Vec<Marks>> {
    let doing = "read the person records";
    let mut stream = records
        .select_columns(&["record_number", "first_name", "last_name", "birth_date"])
        .doing(doing)?
        .execute_stream()
        .await
        .doing(doing)?;
    let mut marks = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch.doing(doing)?;
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        let texts: [&StringArray; 3] = [1, 2, 3].map(|n| batch.column(n).as_string::<i32>());
        for row in 0..batch.num_rows() {
            let text = |n: usize| texts[n].is_valid(row).then(|| Box::from(texts[n].value(row)));
            let number = numbers.value(row) as usize;
            if marks.len() <= number {
                marks.resize(number + 1, Marks::default());
            }
            marks[number] = Marks { first_name: text(0), last_name: text(1), birth_date: text(2) };
        }
    }
    Ok(marks)
}

/// Adds all records and finds those that a steward names.
async fn find_steward_records(
    clusters: &mut Clusters,
    steward: &mut Decisions,
    ordered: DataFrame,
) -> Result<()> {
    let doing = "find the records of the steward's decisions";
    let mut numbering = Numbering::default();
    let mut stream = ordered.execute_stream().await.doing(doing)?;
    while let Some(batch) = stream.next().await {
        let batch = batch.doing(doing)?;
        let rows = Rows::of(&batch)?;
        for n in 0..batch.num_rows() {
            let row = rows.row(n);
            let (record, first) = numbering.of(&row);
            if first {
                clusters.add(record, row.person);
                steward.note_record(&row, record);
            }
        }
    }
    Ok(())
}

/// Joins the holders of each key; the last customer of each record and since when, by its number.
async fn join_by_keys(
    clusters: &mut Clusters,
    ordered: DataFrame,
    unusable_keys: &UnusableKeys,
) -> Result<Vec<Option<(CustomerId, i64)>>> {
    let mut numbering = Numbering::default();
    let mut former = Vec::new();
    let mut has_too_many_keys = false;
    let mut stream = ordered.execute_stream().await.doing("read the keys")?;
    while let Some(batch) = stream.next().await {
        let batch = batch.doing("read the keys")?;
        let rows = Rows::of(&batch)?;
        for n in 0..batch.num_rows() {
            let row = rows.row(n);
            let (record, first) = numbering.of(&row);
            if first {
                clusters.add(record, row.person);
                former.push(row.former.map(|former| (former.id, former.since)));
            }
            if first {
                has_too_many_keys = unusable_keys.has_record(row.source, row.record_id);
            }
            if let Some((kind, value)) = row.key {
                let key = key_hash(kind, value);
                if !has_too_many_keys && !unusable_keys.has_key(key, value) {
                    clusters.hold(record, key);
                }
            }
        }
    }
    Ok(former)
}

fn overlaps(clusters: &mut Clusters, former: &[Option<(CustomerId, i64)>]) -> Overlaps {
    let mut overlaps = Overlaps::new();
    for (record, former) in former.iter().enumerate() {
        if let Some((former, since)) = former {
            let overlap = overlaps.entry((clusters.root(record as u32), *former));
            let overlap = overlap.or_insert(Overlap { records: 0, since: i64::MAX });
            *overlap = overlap.and(*since);
        }
    }
    overlaps
}

/// What the last pass leaves.
struct Written {
    staged: Vec<Staged>,
    changes: Vec<Change>,
    cut: Vec<(String, String)>,
}

/// Returns the last pass. Records are numbered in sorted order, so that a component's smallest number, its
/// root, is its smallest record, which is the first to be met.
async fn write_ids(
    catalog: &Catalog,
    night: &Night<'_>,
    mut clusters: Clusters,
    mut succession: Succession,
    ordered: DataFrame,
    cuts: &[(u32, u32)],
) -> Result<Written> {
    let doing = "write the customer ids";
    let mut cut_records: HashMap<u32, Option<CustomerId>> =
        cuts.iter().flat_map(|(a, b)| [(*a, None), (*b, None)]).collect();
    let schema = all_records::schema();
    let mut ids = catalog.warehouse().stager(&table(CUSTOMER_IDS), Mode::Replace, &schema)?;
    let mut remembered = match night.recalled {
        false => Some(IdHistory::begin(catalog, night).await?),
        true => None,
    };
    if let Some(remembered) = &remembered {
        succession.remember(remembered.heirs());
    }
    let mut numbering = Numbering::default();
    let mut stream = ordered.execute_stream().await.doing(doing)?;
    while let Some(batch) = stream.next().await {
        let batch = batch.doing(doing)?;
        let rows = Rows::of(&batch)?;
        let (mut all, mut changed) = (Vec::new(), Vec::new());
        for n in 0..batch.num_rows() {
            let row = rows.row(n);
            let (record, first) = numbering.of(&row);
            if first {
                let root = clusters.root(record);
                let leaving = row.former.map(|former| former.id);
                let id = succession.id(root, leaving, || CustomerId::derived_from(row.source, row.record_id));
                if let Some(of_record) = cut_records.get_mut(&record) {
                    *of_record = Some(id);
                }
                if row.former.is_none_or(|former| former.id != id) {
                    changed.push((row, id));
                }
                all.push((row, id));
            }
        }
        if !all.is_empty() {
            let columns: Vec<arrow::array::ArrayRef> = vec![
                Arc::new(StringArray::from_iter_values(all.iter().map(|(row, _)| row.source))),
                Arc::new(StringArray::from_iter_values(all.iter().map(|(row, _)| row.record_id))),
                Arc::new(StringArray::from_iter_values(all.iter().map(|(_, id)| id.to_string()))),
            ];
            ids.write(&RecordBatch::try_new(schema.clone(), columns).doing(doing)?).await?;
        }
        if let Some(remembered) = &mut remembered
            && !changed.is_empty()
        {
            remembered.records(&changed).await?;
        }
    }
    let mut staged = vec![ids.finish().await?];
    let changes = succession.changes();
    if let Some(remembered) = remembered {
        staged.extend(remembered.finish(catalog, &succession, &changes).await?);
    }
    let id = |record: &u32| cut_records.get(record).copied().flatten().map(|id| id.to_string());
    let mut cut: Vec<(String, String)> = cuts
        .iter()
        .filter_map(|(a, b)| {
            let (a, b) = (id(a)?, id(b)?);
            Some(if a < b { (a, b) } else { (b, a) })
        })
        .collect();
    cut.sort_unstable();
    cut.dedup();
    Ok(Written { staged, changes, cut })
}
