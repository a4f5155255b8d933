//! Tonight's probable links: which pairs of person records weigh enough.
//!
//! ```text
//! person records ─ standardise ─▶ core.person_records ─ keys, frequencies ─▶ (kept for the step)
//!   ─ block ─▶ candidates ─ compare ─▶ pairs (kept for the step) ─ estimate, or parameters in force ─▶
//! ops.models   ─ weigh, beside the links taken over from last night ─▶ links (kept for the step)
//! ```
//! Parameters and term frequencies are estimated at the first night, then again when they are older than
//! declared, when there are twice as many records, or when the model is another; between, they stay.

use arrow::array::{AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use futures::StreamExt;

use super::candidates::{self, Blocking, Terms};
use super::changed_records::{self, LastNight};
use super::comparison::Comparison;
use super::em::{self, Parameters, Session as Training};
use super::fitted::{self, Estimate, Found, LastRows};
use super::model::Linkage;
use super::proposals;
use super::weight::bits_of;
use super::{person_records, term_frequency};
use crate::clock::show_instant;
use crate::day::local_instant;
use crate::error::{Context, Error, Result};
use crate::identity::customers::Link;
use crate::identity::declaration::Persons;
use crate::identity::night::Night;
use crate::identity::scratch::{self, Scratch};
use crate::identity::tables::{MATCH_TERMS, PERSON_RECORDS, table};
use crate::identity::{likeness, standardise};
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};
use crate::warehouse::stage::{Layout, Mode, Staged};

/// From this probability on a link may be the only one between two groups of records.
const CERTAIN: f64 = 0.9999;
/// Parameters learnt from less than one in so many of tonight's records are estimated again.
const REESTIMATE_FACTOR: u64 = 2;

/// What linkage found.
pub struct Linked {
    pub person_records: Staged,
    /// `core.match_terms`, on nights that write it.
    pub terms: Option<Staged>,
    pub parameters: Parameters,
    /// The surest first.
    pub links: Vec<Link>,
    /// Rows for `ops.models`.
    pub fitted: RecordBatch,
    /// Pairs compared.
    pub compared: u64,
    /// Links of last night that stayed.
    pub carried: Option<u64>,
}

/// Returns the pairs that weigh enough to be looked at, while the step runs: record numbers, `rule`,
/// `gamma_<comparison>`, `bits_<comparison>`, `match_weight`, `match_probability`.
pub fn scored() -> TableName {
    scratch::table("match_scored")
}

pub async fn find(
    catalog: &Catalog,
    persons: &Persons,
    night: &Night<'_>,
    scratch: &mut Scratch<'_>,
    notes: &mut Vec<String>,
) -> Result<Linked> {
    let linkage = &persons.linkage;
    let name = table(PERSON_RECORDS);
    let last_night = LastNight::of(catalog).await?;
    let last = LastRows::read(catalog, Some(night.pipeline)).await?;

    let session = catalog.session([&persons.records], Some(night.as_of)).await?;
    session.register_functions(standardise::functions(&persons.writing.placeholders));
    let frame = person_records::standardised(
        &session,
        &persons.records,
        &persons.writing.country,
        &linkage.attributes,
    )
    .await?;
    let person_records = catalog.warehouse().stage(&name, Mode::Replace, Layout::OneFile, frame).await?;
    catalog.add_staged(&person_records).await?;
    let records = person_records.rows;
    if u32::try_from(records).is_err() {
        return Err(Error::failed(format!("{records} person records are more than can be numbered")));
    }
    let session = catalog.session([&name], None).await?;
    person_records::require_unique(&session, &name, &persons.records).await?;

    let estimate_in_use = estimate_in_use(catalog, last.as_ref(), persons, night, records).await?;
    let (known, terms) = terms(catalog, linkage, estimate_in_use.as_ref(), night).await?;
    let terms_name = table(MATCH_TERMS);
    let keyed = scratch::table("match_keys");
    let session = catalog.session([&name, &terms_name], None).await?;
    session.register_functions(likeness::functions());
    let terms_of = Terms { table: &terms_name, known: &known };
    scratch.put(&keyed, candidates::keyed(&session, &name, linkage, &terms_of).await?).await?;

    let session = candidates::comparing(scratch).await?;
    let limit = persons.max_block_records;
    let blocking = Blocking::count(&session, &keyed, linkage, limit, records).await?;
    for blocks in blocking.blocks.iter().filter(|b| b.skipped > 0) {
        notes.push(format!(
            "the rule {} does not compare {} blocks of more than {} records (the largest has {})",
            blocks.rule, blocks.skipped, blocks.limit, blocks.largest
        ));
    }

    // Last night, and how many records changed since.
    let since = match (last_night, &last) {
        (Some(night_before), Some(last))
            if estimate_in_use.is_some()
                && !night.full_refresh
                && last.review_probability() == Some(persons.review_probability) =>
        {
            let found = changed_records::find_changed(
                scratch,
                &night_before,
                last,
                &blocking,
                &keyed,
                linkage,
                records,
            )
            .await?;
            found.map(|changed| (night_before, changed))
        }
        _ => None,
    };
    // One rule after another: each join may hold one side in memory.
    let session = candidates::comparing(scratch).await?;
    let changed = since.is_some().then(changed_records::changed);
    let candidates = scratch::table("match_candidates");
    let mut added = Vec::new();
    for rule in 0..linkage.blocking.len() {
        if matches!(since, Some((_, 0))) {
            added.push(0);
            continue;
        }
        let frame = blocking.pairs(&session, &keyed, linkage, rule, changed.as_ref()).await?;
        added.push(scratch.put(&candidates, frame).await?);
    }
    let pairs_compared = added.iter().sum();
    let pairs = scratch::table("match_pairs");
    if pairs_compared > 0 || since.is_none() {
        candidates::compare(scratch, &keyed, &candidates, &pairs, linkage).await?;
    }
    let (estimate, proposals) = match estimate_in_use {
        Some(estimate) => {
            notes.push(format!("parameters of {}", show_instant(estimate.estimated_at)));
            (estimate, last.as_ref().map(LastRows::proposals).unwrap_or_default())
        }
        None => {
            let parameters = fit(linkage, scratch, &keyed, &pairs, limit, records).await?;
            // Of a night of the past only who was who is asked.
            let proposals = match night.recalled {
                true => Vec::new(),
                false => {
                    proposals::find(scratch, &keyed, linkage, &parameters, &blocking, limit, records).await?
                }
            };
            notes.extend(proposals::notes(&proposals));
            let estimate = Estimate { parameters, estimated_at: night.as_of, records, terms: known };
            (estimate.since(last.as_ref().and_then(|last| last.estimate(linkage).ok())), proposals)
        }
    };

    if pairs_compared > 0 || since.is_none() {
        let kept = kept(&estimate, persons, &pairs);
        let frame = candidates::comparing(scratch).await?.sql(&kept).await.doing("weigh the pairs")?;
        scratch.put(&scored(), frame).await?;
    }
    let carried = match &since {
        Some((night_before, _)) => {
            let frame =
                changed_records::carried_over(scratch, night_before, &blocking, &keyed, linkage).await?;
            Some(scratch.put(&scored(), frame).await?)
        }
        None => None,
    };
    let links = links(&candidates::comparing(scratch).await?, persons).await?;
    // What each rule adds is known of nights that compare all.
    if let (Some(_), Some(last)) = (&since, &last) {
        added = (0..added.len()).map(|rule| last.added_pairs(rule).unwrap_or_default()).collect();
    }
    let found = Found { blocks: &blocking.blocks, added: &added, proposals: &proposals };
    let fitted = fitted::rows(linkage, &estimate, persons.review_probability, &found)?;
    Ok(Linked {
        person_records,
        terms,
        parameters: estimate.parameters,
        links,
        fitted,
        compared: pairs_compared,
        carried,
    })
}

/// Returns the estimate that still holds: of this model, from before this night, not older than declared and
/// not outgrown.
async fn estimate_in_use(
    catalog: &Catalog,
    last: Option<&LastRows>,
    persons: &Persons,
    night: &Night<'_>,
    records: u64,
) -> Result<Option<Estimate>> {
    let Some(estimate) = last.and_then(|last| last.estimate(&persons.linkage).ok()) else { return Ok(None) };
    if night.recalled {
        return Ok(Some(estimate));
    }
    let due = persons.estimate_every.before(night.as_of, night.zone);
    let due = due.and_then(|local| local_instant(local, night.zone));
    let holds = estimate.estimated_at <= night.as_of
        && due.is_none_or(|due| estimate.estimated_at > due)
        && records < estimate.records.saturating_mul(REESTIMATE_FACTOR)
        && catalog.table(&table(MATCH_TERMS)).await?.is_some();
    Ok(holds.then_some(estimate))
}

/// Returns how many records had each attribute whose terms count, and the terms where they are written again.
async fn terms(
    catalog: &Catalog,
    linkage: &Linkage,
    estimate_in_use: Option<&Estimate>,
    night: &Night<'_>,
) -> Result<(std::collections::BTreeMap<String, u64>, Option<Staged>)> {
    let (persons, name) = (table(PERSON_RECORDS), table(MATCH_TERMS));
    let (known, frame) = match estimate_in_use {
        None => {
            let session = catalog.session([&persons], None).await?;
            let known = term_frequency::known(&session, &persons, linkage).await?;
            let frame = term_frequency::counted(&session, &persons, &known).await?;
            (known, frame)
        }
        // Terms that only an erased person had are removed.
        Some(estimate) if night.is_forgotten.is_some() => {
            let session = catalog.session([&persons, &name], None).await?;
            let frame = term_frequency::still_used(&session, &name, &persons, &estimate.terms).await?;
            (estimate.terms.clone(), frame)
        }
        Some(estimate) => return Ok((estimate.terms.clone(), None)),
    };
    let staged = catalog.warehouse().stage(&name, Mode::Replace, Layout::Parallel, frame).await?;
    catalog.add_staged(&staged).await?;
    Ok((known, Some(staged)))
}

async fn fit(
    linkage: &Linkage,
    scratch: &mut Scratch<'_>,
    keyed: &TableName,
    pairs: &TableName,
    limit: u64,
    records: u64,
) -> Result<Parameters> {
    // Numbered as the training rules are, the random pairs after them; all are compared at once.
    let training = scratch::table("match_training");
    let random = linkage.training.len();
    let session = candidates::comparing(scratch).await?;
    let mut drawn = Vec::new();
    for rule in 0..linkage.training.len() {
        let pairs = candidates::training_pairs(&session, keyed, linkage, rule, limit, records).await?;
        scratch.put(&training, pairs.frame).await?;
        drawn.push((pairs.known, pairs.drawn));
    }
    scratch.put(&training, candidates::random_pairs(&session, keyed, random).await?).await?;
    let trained = scratch::table("match_trained");
    candidates::compare(scratch, keyed, &training, &trained, linkage).await?;
    let session = candidates::comparing(scratch).await?;
    let mut patterns = candidates::patterns(&session, &trained, linkage).await?;
    let random = patterns.remove(&random).unwrap_or_default();
    let sessions: Vec<Training> = linkage
        .training
        .iter()
        .enumerate()
        .map(|(n, rule)| Training {
            patterns: patterns.remove(&n).unwrap_or_default(),
            learns: linkage.comparisons.iter().map(|c| !c.is_touched_by(rule)).collect(),
            of_all: linkage.agreeing(rule).map(|agrees| em::ShareOfAll {
                agrees,
                known: drawn[n].0,
                drawn: drawn[n].1,
            }),
        })
        .collect();
    let mut of_candidates = em::Patterns::new();
    for (pattern, found) in candidates::patterns(&session, pairs, linkage).await?.into_values().flatten() {
        *of_candidates.entry(pattern).or_default() += found;
    }
    let expected = linkage.comparisons.iter().map(Comparison::expected_m).collect();
    let all_pairs = records as f64 * (records as f64 - 1.0) / 2.0;
    Ok(em::estimate(&expected, linkage.shared_in_household(), &random, &sessions, &of_candidates, all_pairs))
}

/// Returns the pairs worth a look, weighed.
fn kept(estimate: &Estimate, persons: &Persons, pairs: &TableName) -> String {
    let columns: Vec<String> =
        persons.linkage.comparisons.iter().map(|c| format!(", gamma_{0}, bits_{0}", c.name)).collect();
    format!(
        "select record_number_l, record_number_r, rule{}, bits_household, match_weight, match_probability
         from ({}) where match_weight >= {:e}",
        columns.concat(),
        estimate.scored_sql(&persons.linkage, &pairs.to_string()),
        bits_of(persons.review_probability)
    )
}

/// Returns the pairs to link, by descending weight; of equal weight by record.
async fn links(session: &Session, persons: &Persons) -> Result<Vec<Link>> {
    let doing = "order the links by weight";
    let mut stream = session
        .sql(&format!(
            "select record_number_l, record_number_r, match_weight from {}
             where match_weight >= {:e}
             order by match_weight desc, record_number_l, record_number_r",
            scored(),
            bits_of(persons.link_probability)
        ))
        .await
        .doing(doing)?
        .execute_stream()
        .await
        .doing(doing)?;
    let sure = bits_of(CERTAIN);
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
