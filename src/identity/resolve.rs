//! The step: from keys and person records to customers.
//!
//! ```text
//! person records ─ standardise ─▶ core.person_records ─ keys, frequencies ─▶ (kept for the step)
//!   ─ block, compare ─▶ pairs (kept for the step) ─ estimate ─▶ ops.models ─ score ─▶ links
//! keys, links ─ cluster ─▶ core.customer_ids, core.match_links
//! ```
//! Everything that grows with pairs is a SQL plan that streams and spills. In memory are: a few words
//! a record and a key, the first name and date of birth of each person record, the links.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type, SchemaRef};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::DataFrame;
use futures::{StreamExt, TryStreamExt};

use super::candidates::{self, Blocking};
use super::clusters::{Clusters, Decision, Link, Marks};
use super::declaration::{Identity, Persons};
use super::em::{self, Parameters, Session as Training};
use super::linkage::Linkage;
use super::universe::{self, Numbering, Rows, customer_id, key_hash};
use super::weight::bits_of;
use super::{fitted, likeness, person_records, standardise};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};
use crate::warehouse::stage::{Layout, Mode, Staged};

/// From this probability on a link may be the only one between two groups of records.
const SURE: f64 = 0.9999;

/// The records' customers. Grain: one row a record.
pub const CUSTOMER_IDS: &str = "customer_ids";
/// What is known of persons, standardised. Grain: one row a person record.
pub const PERSON_RECORDS: &str = "person_records";
/// Grain: one row a pair of person records that is linked, or was refused, or waits for review.
pub const MATCH_LINKS: &str = "match_links";

pub fn table(name: &str) -> TableName {
    TableName::new("core", name).expect("our own table names are valid")
}

/// What resolution made.
#[derive(Debug)]
pub struct Resolution {
    /// `core.customer_ids` first.
    pub staged: Vec<Staged>,
    /// Rows for `ops.models`, without the columns of the run.
    pub fitted: Option<RecordBatch>,
    pub notes: Vec<String>,
}

/// Finds the customer of every record.
///
/// # Errors
/// A table lacks a column, a person record comes twice, the SQL of a rule or level does not plan.
pub async fn resolve(catalog: &Catalog, identity: &Identity) -> Result<Resolution> {
    let mut scratch = Scratch { catalog, kept: Vec::new() };
    let resolution = resolve_with(catalog, identity, &mut scratch).await;
    let deleted = scratch.delete().await;
    let resolution = resolution?;
    deleted?;
    Ok(resolution)
}

/// Tables that exist only while the step runs.
struct Scratch<'c> {
    catalog: &'c Catalog,
    kept: Vec<Staged>,
}

impl Scratch<'_> {
    async fn stage(&mut self, table: &TableName, frame: DataFrame) -> Result<Staged> {
        let staged = self.catalog.warehouse().stage(table, Mode::Append, Layout::Parallel, frame).await?;
        self.kept.push(staged.clone());
        Ok(staged)
    }

    async fn delete(self) -> Result<()> {
        for staged in &self.kept {
            self.catalog.warehouse().delete_staged(staged, &BTreeSet::new()).await?;
        }
        Ok(())
    }
}

async fn resolve_with(
    catalog: &Catalog,
    identity: &Identity,
    scratch: &mut Scratch<'_>,
) -> Result<Resolution> {
    let mut notes = Vec::new();
    let linked = match &identity.persons {
        Some(persons) => Some(find_links(catalog, persons, scratch, &mut notes).await?),
        None => None,
    };
    let person_records = table(PERSON_RECORDS);
    let mut tables: Vec<TableName> = identity.keys.iter().cloned().collect();
    tables.extend(linked.is_some().then(|| person_records.clone()));
    let session = catalog.session(&tables, None).await?;
    let keys = match &identity.keys {
        Some(keys) => Some(session.table(keys).await?),
        None => None,
    };
    let persons = match linked {
        Some(_) => Some(session.table(&person_records).await?),
        None => None,
    };
    // Columns that lack are told when the keys are put in order.
    let ordered = universe::ordered(keys, persons.clone())?;
    let shared = match (&identity.keys, &identity.persons) {
        (Some(keys), Some(persons)) => shared_keys(&session, keys, persons.max_key_persons).await?,
        _ => HashSet::new(),
    };
    if !shared.is_empty() {
        notes.push(format!(
            "{} keys are held under more than {} names each: they join nobody",
            shared.len(),
            identity.persons.as_ref().map_or(0, |p| p.max_key_persons)
        ));
    }
    let marks = match &persons {
        Some(records) => marks(records.clone()).await?,
        None => Vec::new(),
    };
    let most = identity.persons.as_ref().map_or(u64::MAX, |p| p.max_customer_records);
    let mut clusters = Clusters::new(marks, usize::try_from(most).unwrap_or(usize::MAX));
    join_by_keys(&mut clusters, ordered.clone(), &shared).await?;
    let decisions = match &linked {
        Some(linked) => clusters.link(&linked.links),
        None => Vec::new(),
    };
    let ids = customer_ids(clusters, ordered).await?;
    let ids = catalog
        .warehouse()
        .stage_streams(&table(CUSTOMER_IDS), Mode::Replace, Layout::Parallel, vec![ids])
        .await?;
    let mut rows = None;
    let mut staged = vec![ids];
    if let (Some(linked), Some(persons)) = (linked, &identity.persons) {
        catalog.add_staged(&staged[0]).await?;
        let links = match_links(catalog, persons, &linked, &decisions).await?;
        notes.push(told(catalog, &linked, &links).await?);
        rows = Some(linked.fitted);
        staged.push(linked.person_records);
        staged.push(links);
    }
    Ok(Resolution { staged, fitted: rows, notes })
}

/// What linkage found.
struct Linked {
    person_records: Staged,
    pairs: Staged,
    parameters: Parameters,
    /// The surest first.
    links: Vec<Link>,
    fitted: RecordBatch,
}

async fn find_links(
    catalog: &Catalog,
    persons: &Persons,
    scratch: &mut Scratch<'_>,
    notes: &mut Vec<String>,
) -> Result<Linked> {
    let linkage = &persons.linkage;
    let name = table(PERSON_RECORDS);
    let session = catalog.session([&persons.records], None).await?;
    session.register_functions(standardise::functions());
    let frame = person_records::standardised(&session, &persons.records, &persons.country).await?;
    let person_records = catalog.warehouse().stage(&name, Mode::Replace, Layout::OneFile, frame).await?;
    catalog.add_staged(&person_records).await?;
    let records = person_records.rows;
    if u32::try_from(records).is_err() {
        return Err(Error::failed(format!("{records} person records are more than can be numbered")));
    }

    let session = catalog.session([&name], None).await?;
    session.register_functions(likeness::functions());
    person_records::require_unique(&session, &name, &persons.records).await?;
    let keyed_name = scratch_table("match_keys");
    let frame = candidates::keyed(&session, &name, linkage).await?;
    let keyed = scratch.stage(&keyed_name, frame).await?;
    let session = with_functions(catalog.session_with(&[], &keyed).await?);

    let limit = persons.max_block_records;
    let blocking = Blocking::count(&session, &keyed_name, linkage, limit, records).await?;
    for blocks in blocking.blocks.iter().filter(|b| b.skipped > 0) {
        notes.push(format!(
            "the rule {} does not compare {} blocks of more than {} records (the largest has {})",
            blocks.rule, blocks.skipped, blocks.limit, blocks.largest
        ));
    }
    // One rule after another: each join may hold one side in memory.
    let pairs_name = scratch_table("match_pairs");
    let mut added = Vec::new();
    let mut pairs: Option<Staged> = None;
    for rule in 0..linkage.blocking.len() {
        let frame = blocking.pairs(&session, &keyed_name, linkage, rule).await?;
        let found = scratch.stage(&pairs_name, frame).await?;
        added.push(found.rows);
        pairs = Some(match pairs {
            None => found,
            Some(so_far) => so_far.and(found),
        });
    }
    let pairs = pairs.ok_or_else(|| Error::failed("the linkage model has no blocking rule"))?;

    let parameters = fit(catalog, linkage, &session, &keyed_name, &pairs, limit, records).await?;
    let session = with_functions(catalog.session_with(&[], &pairs).await?);
    let links = links(&session, persons, &parameters, &pairs.table).await?;
    let fitted = fitted::rows(linkage, &parameters, &blocking.blocks, &added)?;
    Ok(Linked { person_records, pairs, parameters, links, fitted })
}

fn scratch_table(name: &str) -> TableName {
    TableName::new("ops", name).expect("our own table names are valid")
}

fn with_functions(session: Session) -> Session {
    session.register_functions(likeness::functions());
    session
}

async fn fit(
    catalog: &Catalog,
    linkage: &Linkage,
    session: &Session,
    keyed: &TableName,
    pairs: &Staged,
    limit: u64,
    records: u64,
) -> Result<Parameters> {
    let random = candidates::random_patterns(session, keyed, linkage).await?;
    let mut sessions = Vec::new();
    for (n, rule) in linkage.training.iter().enumerate() {
        sessions.push(Training {
            patterns: candidates::training_patterns(session, keyed, linkage, n, limit, records).await?,
            learns: linkage.comparisons.iter().map(|c| !c.is_touched_by(rule)).collect(),
        });
    }
    let session = catalog.session_with(&[], pairs).await?;
    let compared = candidates::candidate_patterns(&session, &pairs.table, linkage).await?;
    let expected = linkage.comparisons.iter().map(super::linkage::Comparison::expected_m).collect();
    let all_pairs = records as f64 * (records as f64 - 1.0) / 2.0;
    Ok(em::estimate(&expected, &random, &sessions, &compared, all_pairs))
}

/// The pairs to link, by descending weight; of equal weight by record.
async fn links(
    session: &Session,
    persons: &Persons,
    parameters: &Parameters,
    pairs: &TableName,
) -> Result<Vec<Link>> {
    let doing = "order the links by weight";
    let scored = parameters.scored_sql(&persons.linkage, &pairs.to_string());
    let mut stream = session
        .sql(&format!(
            "select record_number_l, record_number_r, match_weight from ({scored})
             where match_weight >= {:e}
             order by match_weight desc, record_number_l, record_number_r",
            bits_of(persons.link_probability)
        ))
        .await
        .doing(doing)?
        .execute_stream()
        .await
        .doing(doing)?;
    let sure = bits_of(SURE);
    let mut links = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch.doing(doing)?;
        let left = batch.column(0).as_primitive::<Int64Type>();
        let right = batch.column(1).as_primitive::<Int64Type>();
        let weights: &Float64Array = batch.column(2).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            links.push(Link {
                left: left.value(row) as u32,
                right: right.value(row) as u32,
                sure: weights.value(row) >= sure,
            });
        }
    }
    Ok(links)
}

/// What tells persons apart, by record number.
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

/// Keys that are held under more names than any one person has. A record without a name counts as a
/// name of its own.
async fn shared_keys(session: &Session, keys: &TableName, limit: u64) -> Result<HashSet<u128>> {
    let doing = "look for keys that many share";
    let batches = session
        .sql(&format!(
            "select cast(key_kind as varchar), cast(key_value as varchar)
             from {keys} as k join {records} as p
               on cast(k.source as varchar) = p.source and cast(k.record_id as varchar) = p.record_id
             where key_kind is not null and key_value is not null
             group by key_kind, key_value
             having count(distinct coalesce(
               first_name || ' ' || last_name, first_name, last_name, cast(record_number as varchar))) > {limit}",
            records = table(PERSON_RECORDS),
        ))
        .await
        .doing(doing)?
        .collect()
        .await
        .doing(doing)?;
    let mut shared = HashSet::new();
    for batch in &batches {
        let (kinds, values) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        shared.extend(kinds.iter().zip(values).filter_map(|(kind, value)| Some(key_hash(kind?, value?))));
    }
    Ok(shared)
}

async fn join_by_keys(clusters: &mut Clusters, ordered: DataFrame, shared: &HashSet<u128>) -> Result<()> {
    let mut numbering = Numbering::default();
    let mut stream = ordered.execute_stream().await.doing("read the keys")?;
    while let Some(batch) = stream.next().await {
        let batch = batch.doing("read the keys")?;
        let rows = Rows::of(&batch)?;
        for n in 0..batch.num_rows() {
            let row = rows.row(n);
            let record = numbering.of(&row);
            clusters.add(record, row.person);
            if let Some((kind, value)) = row.key {
                let key = key_hash(kind, value);
                if !shared.contains(&key) {
                    clusters.hold(record, key);
                }
            }
        }
    }
    Ok(())
}

/// The second pass: records are numbered in sorted order, so that a component's smallest number is its
/// smallest record.
async fn customer_ids(clusters: Clusters, ordered: DataFrame) -> Result<SendableRecordBatchStream> {
    let mut roots = Roots { clusters, ids: HashMap::new(), numbering: Numbering::default() };
    let schema = universe::schema();
    let out = schema.clone();
    let written = ordered.execute_stream().await.doing("read the keys")?.map(move |batch| {
        roots.assign(&batch?, &out).map_err(|e| datafusion::error::DataFusionError::External(e.into()))
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(
        schema,
        written.try_filter(|b| futures::future::ready(b.num_rows() > 0)),
    )))
}

struct Roots {
    clusters: Clusters,
    /// The id of each component met so far, by its root.
    ids: HashMap<u32, String>,
    numbering: Numbering,
}

impl Roots {
    fn assign(&mut self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let rows = Rows::of(batch)?;
        let (mut sources, mut ids, mut customers) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..batch.num_rows() {
            let row = rows.row(n);
            let before = self.numbering.count;
            let record = self.numbering.of(&row);
            if self.numbering.count == before {
                continue;
            }
            let root = self.clusters.root(record);
            let customer = self.ids.entry(root).or_insert_with(|| customer_id(row.source, row.record_id));
            sources.push(row.source);
            ids.push(row.record_id);
            customers.push(customer.clone());
        }
        RecordBatch::try_new(
            schema.clone(),
            vec![
                Arc::new(StringArray::from(sources)),
                Arc::new(StringArray::from(ids)),
                Arc::new(StringArray::from(customers)),
            ],
        )
        .doing("write the customer ids")
    }
}

/// Stages `core.match_links`: each pair that was linked, refused or is for review, with the bits of
/// every comparison.
async fn match_links(
    catalog: &Catalog,
    persons: &Persons,
    linked: &Linked,
    decisions: &[Decision],
) -> Result<Staged> {
    let linkage = &persons.linkage;
    let (records, ids) = (table(PERSON_RECORDS), table(CUSTOMER_IDS));
    let session = catalog.session_with(&[records.clone(), ids.clone()], &linked.pairs).await?;
    let refused: Vec<(&Link, Decision)> = linked
        .links
        .iter()
        .zip(decisions)
        .filter(|(_, d)| **d != Decision::Linked)
        .map(|(l, d)| (l, *d))
        .collect();
    let numbers = |side: fn(&Link) -> u32| -> Int64Array {
        refused.iter().map(|(link, _)| i64::from(side(link))).collect::<Vec<_>>().into()
    };
    let batch = RecordBatch::try_from_iter([
        ("refused_l", Arc::new(numbers(|l| l.left)) as arrow::array::ArrayRef),
        ("refused_r", Arc::new(numbers(|l| l.right))),
        ("refusal", Arc::new(StringArray::from_iter_values(refused.iter().map(|(_, d)| d.as_str())))),
    ])
    .doing("gather the refused links")?;
    let refusals = scratch_table("match_refusals");
    session.register_view(&refusals, session.read_batch(batch)?)?;
    let rules: Vec<String> = linkage
        .blocking
        .iter()
        .enumerate()
        .map(|(n, rule)| format!(" when {n} then '{}'", rule.name().replace('\'', "''")))
        .collect();
    let columns: Vec<String> =
        linkage.comparisons.iter().map(|c| format!(", gamma_{0} as level_{0}, bits_{0}", c.name)).collect();
    let scored = linked.parameters.scored_sql(linkage, &linked.pairs.table.to_string());
    let sql = format!(
        "select l.source as source_l, l.record_id as record_id_l, r.source as source_r, r.record_id as record_id_r,
                a.customer_id as customer_id_l, b.customer_id as customer_id_r,
                s.match_weight, s.match_probability,
                case when s.match_weight >= {link:e} and f.refusal is null then '{linked}'
                     when a.customer_id = b.customer_id then '{together}'
                     else coalesce(f.refusal, '{review}') end as decision,
                case s.rule{rules} end as rule, {prior:e} as bits_prior{columns}
         from (select * from ({scored}) where match_weight >= {review_bits:e}) as s
         join {records} as l on l.record_number = s.record_number_l
         join {records} as r on r.record_number = s.record_number_r
         join {ids} as a on a.source = l.source and a.record_id = l.record_id
         join {ids} as b on b.source = r.source and b.record_id = r.record_id
         left join {refusals} as f on f.refused_l = s.record_number_l and f.refused_r = s.record_number_r",
        link = bits_of(persons.link_probability),
        linked = Decision::Linked.as_str(),
        together = Decision::Together.as_str(),
        review = Decision::Review.as_str(),
        review_bits = bits_of(persons.review_probability),
        rules = rules.concat(),
        prior = linked.parameters.prior_bits(),
        columns = columns.concat(),
    );
    let frame = session.sql(&sql).await.doing("tell the links")?;
    catalog.warehouse().stage(&table(MATCH_LINKS), Mode::Replace, Layout::Parallel, frame).await
}

/// One line on what linkage did.
async fn told(catalog: &Catalog, linked: &Linked, links: &Staged) -> Result<String> {
    let doing = "count the links";
    let session = catalog.session_of_all_rows(links).await?;
    let batches = session
        .sql(&format!("select decision, count(*) from {} group by decision order by decision", links.table))
        .await
        .doing(doing)?
        .collect()
        .await
        .doing(doing)?;
    let mut counts = Vec::new();
    for batch in &batches {
        let (decisions, numbers) =
            (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        counts.extend(decisions.iter().flatten().zip(numbers.values()).map(|(d, n)| format!("{n} {d}")));
    }
    Ok(format!(
        "{} person records, {} pairs compared: {}",
        linked.person_records.rows,
        linked.pairs.rows,
        if counts.is_empty() { "none alike".to_owned() } else { counts.join(", ") }
    ))
}
