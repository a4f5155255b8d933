//! Which pairs of records are compared, and how they agree: SQL over the standardised records.
//!
//! A blocking rule is an equi-join on a hash of its key, with only record numbers and hashes; the compared
//! columns are fetched once, for the pairs of all rules. A pair belongs to the first rule that finds it.
//!
//! Before any join the blocks are counted: a block above the limit is not compared by its rule (other rules
//! may still find its pairs), and a rule whose blocks together would give too many pairs has its limit
//! lowered until they do not.

use arrow::array::AsArray;
use arrow::datatypes::{Int8Type, Int32Type, Int64Type};
use datafusion::prelude::DataFrame;
use std::collections::BTreeMap;

use super::comparison::Comparison;
use super::em::Patterns;
use super::key_rule::KeyRule;
use super::model::Linkage;
use super::term_frequency;
use crate::error::{Context, Result};
use crate::identity::likeness;
use crate::identity::scratch::Scratch;
use crate::name::TableName;
use crate::warehouse::catalog::Session;

/// Pairs from which a training rule learns.
const TRAINING_PAIRS: u64 = 200_000;
/// Records whose pairs, each with each, are the random ones: a quarter of a million pairs.
const RANDOM_RECORDS: u64 = 750;

/// In place of the key that a record lacks: a number below zero that no other record has, so that keys are
/// never null. Hashes are not below zero.
const NO_KEY: &str = "-1 - record_number";

/// What a blocking rule finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    pub rule: String,
    /// Blocks of two records and more.
    pub blocks: u64,
    /// Records of the largest.
    pub largest: u64,
    /// Pairs in the blocks that are compared, pairs of earlier rules among them.
    pub pairs: u64,
    /// Blocks above the limit, which are not compared.
    pub skipped: u64,
    /// Records a block may have: as declared, or fewer where the rule would give too many pairs.
    pub limit: u64,
}

impl Blocks {
    pub(super) fn of(rule: String, limit: u64) -> Blocks {
        Blocks { rule, blocks: 0, largest: 0, pairs: 0, skipped: 0, limit }
    }

    /// Counts blocks of a size, which come in ascending order: once one is too large, so are all that follow.
    pub(super) fn add(&mut self, size: u64, count: u64, budget: u64) {
        let pairs = (size * (size - 1) / 2).saturating_mul(count);
        self.blocks += count;
        self.largest = size;
        if size > self.limit || self.pairs.saturating_add(pairs) > budget {
            self.limit = self.limit.min(size - 1);
            self.skipped += count;
        } else {
            self.pairs += pairs;
        }
    }
}

/// Returns the records with their keys and term frequencies, as a run keeps them for a while.
///
/// Columns: `record_number`, the attributes, `tf_<attribute>` (see [`term_frequency`]; seven digits are
/// enough, and half the memory), `block_<n>` and `train_<n>` (hashed keys of the rules, see [`NO_KEY`]).
pub(crate) async fn keyed(
    session: &Session,
    persons: &TableName,
    linkage: &Linkage,
    terms: &Terms<'_>,
) -> Result<DataFrame> {
    session.sql(&keyed_sql(persons, linkage, terms)).await.doing("find the keys of the linkage rules")
}

/// The table of term frequencies, and how many records have each attribute.
pub struct Terms<'t> {
    pub table: &'t TableName,
    pub known: &'t BTreeMap<String, u64>,
}

pub(crate) fn keyed_sql(persons: &TableName, linkage: &Linkage, terms: &Terms) -> String {
    let mut columns: Vec<String> = vec!["p.record_number".to_owned()];
    columns.extend(linkage.attribute_names().iter().map(|a| format!("p.{a}")));
    let mut joins = String::new();
    for term in linkage.terms() {
        columns.push(format!(
            "cast(case when p.{term} is not null then coalesce(tf_{term}.share, {:e}) end as real) as tf_{term}",
            term_frequency::of_one(terms.known, term)
        ));
        joins.push_str(&format!(
            " left join (select term, share from {} where attribute = '{term}') as tf_{term} on p.{term} = tf_{term}.term",
            terms.table
        ));
    }
    let keys = |prefix: &str, rules: &[KeyRule]| -> Vec<String> {
        let of = |(n, rule): (usize, &KeyRule)| format!("coalesce({}, {NO_KEY}) as {prefix}_{n}", rule.sql());
        rules.iter().enumerate().map(of).collect()
    };
    let mut keys_of = vec!["*".to_owned()];
    keys_of.extend(keys("block", &linkage.blocking));
    keys_of.extend(keys("train", &linkage.training));
    format!(
        "select {} from (select {} from {persons} as p{joins}) as p",
        keys_of.join(", "),
        columns.join(", ")
    )
}

/// Counts the blocks of a key column and returns how large they may be.
async fn count_blocks(
    session: &Session,
    keyed: &TableName,
    column: &str,
    rule: &KeyRule,
    limit: u64,
    records: u64,
) -> Result<Blocks> {
    let doing = || format!("count the blocks of the rule {}", rule.name());
    let batches = session
        .sql(&format!(
            "select n, count(*) as blocks from
               (select count(*) as n from {keyed} where {column} >= 0 group by {column})
             where n > 1 group by n order by n"
        ))
        .await
        .doing(doing())?
        .collect()
        .await
        .doing(doing())?;
    let mut found = Blocks::of(rule.name(), limit);
    let budget = rule.most_pairs(records);
    for batch in &batches {
        let (sizes, counts) =
            (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
        for (size, count) in sizes.values().iter().zip(counts.values()) {
            let (size, count) = (size.unsigned_abs(), count.unsigned_abs());
            found.add(size, count, budget);
        }
    }
    Ok(found)
}

/// Returns the keys of blocks above the limit, as a SQL list.
async fn skipped_keys(session: &Session, keyed: &TableName, column: &str, limit: u64) -> Result<String> {
    let doing = "list the blocks that are too large";
    let batches = session
        .sql(&format!(
            "select {column} from {keyed} where {column} >= 0
             group by {column} having count(*) > {limit} order by {column}"
        ))
        .await
        .doing(doing)?
        .collect()
        .await
        .doing(doing)?;
    let keys: Vec<String> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().iter().map(i64::to_string))
        .collect();
    Ok(keys.join(", "))
}

/// The blocking rules with their blocks counted, and the records' keys without those of the blocks
/// that are skipped.
pub struct Blocking {
    pub blocks: Vec<Blocks>,
    /// For each rule, `block_<n>`: its key of a record, [`NO_KEY`] where the block is skipped.
    pub keys: Vec<String>,
}

impl Blocking {
    pub async fn count(
        session: &Session,
        keyed: &TableName,
        linkage: &Linkage,
        limit: u64,
        records: u64,
    ) -> Result<Blocking> {
        let mut blocking = Blocking { blocks: Vec::new(), keys: Vec::new() };
        for (n, rule) in linkage.blocking.iter().enumerate() {
            let column = format!("block_{n}");
            let blocks = count_blocks(session, keyed, &column, rule, limit, records).await?;
            blocking.keys.push(if blocks.skipped == 0 {
                column
            } else {
                let skipped = skipped_keys(session, keyed, &column, blocks.limit).await?;
                format!("case when {column} in ({skipped}) then {NO_KEY} else {column} end as {column}")
            });
            blocking.blocks.push(blocks);
        }
        Ok(blocking)
    }

    /// Returns the pairs that the rule is the first to find: `record_number_l`, `record_number_r` and `rule`;
    /// with `changed` (a table of record numbers) only pairs of which one record is of them.
    ///
    /// Only keys take part in the join: what is compared comes later, once for the pairs of all rules
    /// (see [`compared`]), and not once for each rule.
    pub async fn pairs(
        &self,
        session: &Session,
        keyed: &TableName,
        linkage: &Linkage,
        rule: usize,
        changed: Option<&TableName>,
    ) -> Result<DataFrame> {
        let keys = self.keys[..=rule].join(", ");
        let all =
            format!("(select * from (select record_number, {keys} from {keyed}) where block_{rule} >= 0)");
        let earlier: String = (0..rule).map(|n| format!(" and l.block_{n} <> r.block_{n}")).collect();
        let sql = match changed {
            None => format!(
                "select l.record_number as record_number_l, r.record_number as record_number_r,
                        cast({rule} as int) as rule
                 from {all} as l join {all} as r
                   on l.block_{rule} = r.block_{rule} and l.record_number < r.record_number
                 where true{earlier}"
            ),
            // Few records on one side; a pair of two of them comes twice.
            Some(changed) => format!(
                "select distinct least(l.record_number, r.record_number) as record_number_l,
                        greatest(l.record_number, r.record_number) as record_number_r,
                        cast({rule} as int) as rule
                 from (select * from {all} where record_number in (select record_number from {changed})) as l
                 join {all} as r on l.block_{rule} = r.block_{rule}
                 where l.record_number <> r.record_number{earlier}"
            ),
        };
        session.sql(&sql).await.doing(format!("find the pairs of the rule {}", linkage.blocking[rule].name()))
    }
}

/// Puts the pairs of one table into another, with how they agree.
pub(super) async fn compare(
    scratch: &mut Scratch<'_>,
    keyed: &TableName,
    pairs: &TableName,
    into: &TableName,
    linkage: &Linkage,
) -> Result<()> {
    // Pairs are many times the records: the records are gathered, the pairs stay where they are.
    let session = comparing(scratch).await?.with_collected_joins();
    scratch.put(into, compared(&session, keyed, pairs, linkage).await?).await?;
    Ok(())
}

/// Returns a session over the step's own tables that can compare.
pub(super) async fn comparing(scratch: &Scratch<'_>) -> Result<Session> {
    let session = scratch.session([]).await?;
    session.register_functions(likeness::functions());
    Ok(session)
}

/// Returns the pairs of a table (`record_number_l`, `record_number_r`, `rule`), with how they agree.
async fn compared(
    session: &Session,
    keyed: &TableName,
    pairs: &TableName,
    linkage: &Linkage,
) -> Result<DataFrame> {
    let mut columns: Vec<String> = vec!["l.record_number".to_owned()];
    columns.extend(linkage.attribute_names().iter().map(|a| format!("{} as {a}", viewed(&format!("l.{a}")))));
    columns.extend(linkage.terms().iter().map(|term| format!("l.tf_{term}")));
    let joined = format!(
        "(select p.rule, p.record_number_r, {}
          from {pairs} as p join {keyed} as l on l.record_number = p.record_number_l) as l
         join {keyed} as r on r.record_number = l.record_number_r",
        columns.join(", ")
    );
    session.sql(&agreement(linkage, &joined, &["rule"])).await.doing("compare the pairs of all rules")
}

/// Returns text as a view: what a join copies once for each pair, is then sixteen bytes a text.
fn viewed(text: &str) -> String {
    format!("arrow_cast({text}, 'Utf8View')")
}

/// Returns the pairs of some records, each with each: `record_number_l`, `record_number_r` and `rule`, always
/// `number`. The records are drawn by the hash of their number.
pub(super) async fn random_pairs(session: &Session, keyed: &TableName, number: usize) -> Result<DataFrame> {
    let records = format!(
        "(select record_number from {keyed}
          order by block_key(cast(record_number as varchar)), record_number limit {RANDOM_RECORDS})"
    );
    let sql = format!(
        "select l.record_number as record_number_l, r.record_number as record_number_r,
                cast({number} as int) as rule
         from {records} as l join {records} as r on l.record_number < r.record_number"
    );
    session.sql(&sql).await.doing("sample pairs at random")
}

/// Pairs that agree on a training rule's key.
pub(super) struct TrainingPairs {
    /// `record_number_l`, `record_number_r` and `rule`, the training rule's number.
    pub frame: DataFrame,
    /// The share of all pairs of records that have the key.
    pub known: f64,
    /// The share of those that agree on it that are among them.
    pub drawn: f64,
}

/// Returns pairs that agree on a training rule's key: of all its blocks within the limit, as
/// many as give enough pairs, drawn by their hash. `rule` is the training rule's number.
pub(super) async fn training_pairs(
    session: &Session,
    keyed: &TableName,
    linkage: &Linkage,
    rule: usize,
    limit: u64,
    records: u64,
) -> Result<TrainingPairs> {
    let key = &linkage.training[rule];
    let column = format!("train_{rule}");
    let blocks = count_blocks(session, keyed, &column, key, limit, records).await?;
    let mut of_records = format!("select record_number, {column} from {keyed} where {column} >= 0");
    let mut within = "true".to_owned();
    let part = blocks.pairs.div_ceil(TRAINING_PAIRS);
    if part > 1 {
        of_records.push_str(&format!(" and {column} % {part} = 0"));
    }
    if blocks.skipped > 0 {
        let skipped = skipped_keys(session, keyed, &column, blocks.limit).await?;
        within = format!("{column} not in ({skipped})");
        of_records.push_str(&format!(" and {within}"));
    }
    let doing = || format!("find pairs that agree on {}", key.name());
    let counts = session
        .sql(&format!("select count(*), count(*) filter (where {within}) from {keyed} where {column} >= 0"))
        .await
        .doing(doing())?
        .collect()
        .await
        .doing(doing())?;
    let count = |n: usize| -> f64 {
        counts.iter().map(|batch| batch.column(n).as_primitive::<Int64Type>().value(0) as f64).sum()
    };
    let (with_key, compared) = (count(0), count(1));
    let known = (with_key * with_key) / (records * records).max(1) as f64;
    let drawn = compared / with_key.max(1.0) / part.max(1) as f64;
    let sql = format!(
        "select l.record_number as record_number_l, r.record_number as record_number_r,
                cast({rule} as int) as rule
         from ({of_records}) as l join ({of_records}) as r
           on l.{column} = r.{column} and l.record_number < r.record_number"
    );
    Ok(TrainingPairs { frame: session.sql(&sql).await.doing(doing())?, known, drawn })
}

/// Returns how many compared pairs agree in which way, by the rule that found them.
pub(super) async fn patterns(
    session: &Session,
    compared: &TableName,
    linkage: &Linkage,
) -> Result<BTreeMap<usize, Patterns>> {
    let doing = "count the ways in which pairs agree";
    let gammas: Vec<String> = linkage.comparisons.iter().map(|c| format!("gamma_{}", c.name)).collect();
    let gammas = gammas.join(", ");
    let sql = format!("select {gammas}, rule, count(*) as pairs from {compared} group by {gammas}, rule");
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    let mut patterns: BTreeMap<usize, Patterns> = BTreeMap::new();
    let width = linkage.comparisons.len();
    for batch in &batches {
        let rules = batch.column(width).as_primitive::<Int32Type>();
        let counts = batch.column(width + 1).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let pattern = (0..width).map(|c| batch.column(c).as_primitive::<Int8Type>().value(row)).collect();
            let of_rule = patterns.entry(rules.value(row) as usize).or_default();
            *of_rule.entry(pattern).or_default() += counts.value(row).unsigned_abs();
        }
    }
    Ok(patterns)
}

/// Returns the `further` columns of `joined` (records `l` and `r`, perhaps more), the two record numbers of
/// each pair, for each comparison its level number `gamma_<name>`, and `tf_<name>`: the frequency of the term
/// that both have, where the level counts one.
pub(crate) fn agreement(linkage: &Linkage, joined: &str, further: &[&str]) -> String {
    let mut sides: Vec<String> = further.iter().map(|column| (*column).to_owned()).collect();
    for side in ["l", "r"] {
        sides.push(format!("{side}.record_number as record_number_{side}"));
        sides.extend(
            linkage
                .attribute_names()
                .iter()
                .map(|a| format!("{} as {a}_{side}", viewed(&format!("{side}.{a}")))),
        );
        sides.extend(linkage.terms().iter().map(|t| format!("{side}.tf_{t} as tf_{t}_{side}")));
    }
    let measures: Vec<String> = linkage
        .comparisons
        .iter()
        .flat_map(|c| c.measures.iter().map(|(name, sql)| format!(", {sql} as {name}")))
        .collect();
    let gammas: Vec<String> =
        linkage.comparisons.iter().map(|c| format!(", {} as gamma_{}", c.gamma_sql(), c.name)).collect();
    let kept: Vec<String> = linkage.comparisons.iter().map(|c| format!(", gamma_{}", c.name)).collect();
    let frequencies: Vec<String> = linkage.comparisons.iter().filter_map(frequency).collect();
    format!(
        "select {further}record_number_l, record_number_r{kept}{frequencies} from
           (select *{gammas} from
             (select *{measures} from
               (select {sides} from {joined})))",
        further = further.iter().map(|column| format!("{column}, ")).collect::<String>(),
        kept = kept.concat(),
        frequencies = frequencies.concat(),
        gammas = gammas.concat(),
        measures = measures.concat(),
        sides = sides.join(", "),
    )
}

fn frequency(comparison: &Comparison) -> Option<String> {
    let whens: Vec<String> = (1..comparison.level_count())
        .filter_map(|number| {
            let term = comparison.level(number)?.term.as_ref()?;
            Some(format!(" when {number} then cast(greatest(tf_{term}_l, tf_{term}_r) as double)"))
        })
        .collect();
    let name = &comparison.name;
    (!whens.is_empty()).then(|| format!(", case gamma_{name}{} end as tf_{name}", whens.concat()))
}
