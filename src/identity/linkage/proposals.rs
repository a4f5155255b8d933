//! Proposes blocking rules: keys that would bring together pairs of one person which no rule compares.
//!
//! Keys are made of attributes and parts of them, one or two at a time. Those on which most pairs of one person
//! agree, by the estimated parameters, are tried: their blocks are counted over the records, the pairs that no rule
//! compares are counted, and a sample of these is compared. How many are of one person is what the parameters say
//! of the sample, and so of all.
//!
//! Work is bounded whatever the records: above [`MOST_RECORDS`] a part of them, drawn by hash, stands for all; a key
//! may give [`PAIRS_A_RECORD`] pairs a record, its larger blocks count as not compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;

use super::candidates::{self, Blocking, Blocks};
use super::comparison::ATTRIBUTES;
use super::em::Parameters;
use super::key_rule::KeyRule;
use super::model::Linkage;
use crate::error::{Context, Result};
use crate::identity::scratch::{self, Scratch};
use crate::name::TableName;
use crate::warehouse::catalog::Session;

/// Records that are looked at.
const MOST_RECORDS: u64 = 100_000;
/// Keys that are tried.
const MOST_KEYS: usize = 40;
/// Pairs that a proposed rule may give for each record there is.
const PAIRS_A_RECORD: u64 = 2;
/// Pairs of each key that are compared.
const SAMPLE: usize = 500;
/// A key on which fewer of the pairs of one person agree is not tried.
const LEAST_SHARE: f64 = 0.02;
/// A pair of one person is worth so many comparisons.
const WORTH: f64 = 50.0;
/// Fewer pairs of one person are not worth a rule.
const FEW_TRUE: f64 = 5.0;
/// Proposals that are kept.
const KEPT: usize = 10;

/// Parts of attributes of which keys are made, besides whole attributes.
const PARTS: [(&str, &str); 6] = [
    ("first_name", "substr(first_name, 1, 2)"),
    ("last_name", "substr(last_name, 1, 2)"),
    ("birth_date", "substr(birth_date, 1, 4)"),
    ("birth_date", "substr(birth_date, 1, 6)"),
    ("birth_date", "substr(birth_date, 5, 4)"),
    ("email", "split_part(email, '@', 1)"),
];
/// Attributes that make no key: part of others, or made of them.
const NO_KEY: [&str; 2] = ["house_number", "address"];

/// A rule that the run proposes.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The key, as a pipeline file writes it.
    pub key: String,
    /// Pairs that no rule compares.
    pub pairs: u64,
    /// How many of these are of one person, as expected by the parameters.
    pub true_pairs: f64,
    pub largest_block: u64,
    pub skipped_blocks: u64,
    pub block_limit: u64,
}

impl Proposal {
    /// Returns whether what it finds is worth the comparisons.
    pub fn pays(&self) -> bool {
        self.true_pairs >= FEW_TRUE && self.true_pairs * WORTH >= self.pairs as f64
    }

    /// What it finds, less what it costs.
    fn gain(&self) -> f64 {
        self.true_pairs - self.pairs as f64 / WORTH
    }
}

/// Returns lines on the proposals that pay; of keys of which one is part of another the best.
pub fn notes(proposals: &[Proposal]) -> Vec<String> {
    let mut said: Vec<&Proposal> = Vec::new();
    for proposal in proposals.iter().filter(|proposal| proposal.pays()) {
        let parts = |proposal: &Proposal| -> Vec<String> { parts_of(&proposal.key) };
        let mine = parts(proposal);
        let is_said = |other: &&Proposal| parts(other).iter().any(|part| mine.contains(part));
        if said.len() < 3 && !said.iter().any(is_said) {
            said.push(proposal);
        }
    }
    let line = |proposal: &&Proposal| {
        format!(
            "a blocking rule key = {} would add {} pairs, of which about {:.0} of one person: \
             write it under [[identity.further_blocking]]",
            proposal.key, proposal.pairs, proposal.true_pairs
        )
    };
    said.iter().map(line).collect()
}

fn parts_of(key: &str) -> Vec<String> {
    key.trim_matches(['[', ']']).split("\", \"").map(|part| part.trim_matches('"').to_owned()).collect()
}

/// An attribute, or a part of it.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    attribute: String,
    sql: String,
    is_whole: bool,
}

/// The records that are looked at: their keys in columns, -1 or less where one is missing.
struct Sampled {
    numbers: Vec<i64>,
    /// By piece.
    pieces: Vec<Vec<i64>>,
    /// By rule in force.
    rules: Vec<Vec<i64>>,
    /// One of so many is looked at.
    of: u64,
}

/// Returns the rules that would find most, the best first.
pub(super) async fn find(
    scratch: &mut Scratch<'_>,
    keyed: &TableName,
    linkage: &Linkage,
    parameters: &Parameters,
    blocking: &Blocking,
    limit: u64,
    records: u64,
) -> Result<Vec<Proposal>> {
    let pieces = pieces(linkage);
    let session = candidates::comparing(scratch).await?;
    let sampled = Sampled::read(&session, keyed, &pieces, blocking, records).await?;
    let mut proposals = Vec::new();
    let (mut left, mut right, mut key_of) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys(linkage, parameters, &pieces, &sampled, blocking) {
        let (blocks, pairs) = sampled.further_pairs(&key, limit);
        if pairs.is_empty() {
            continue;
        }
        let number = i32::try_from(proposals.len()).unwrap_or(i32::MAX);
        for (a, b) in pairs.iter().step_by(pairs.len().div_ceil(SAMPLE)) {
            let (a, b) = (sampled.numbers[*a as usize], sampled.numbers[*b as usize]);
            left.push(a.min(b));
            right.push(a.max(b));
            key_of.push(number);
        }
        let parts: Vec<String> = key.iter().map(|n| format!("\"{}\"", pieces[*n].sql)).collect();
        proposals.push(Proposal {
            key: format!("[{}]", parts.join(", ")),
            pairs: pairs.len() as u64 * sampled.of * sampled.of,
            true_pairs: 0.0,
            largest_block: blocks.largest * sampled.of,
            skipped_blocks: blocks.skipped,
            block_limit: blocks.limit * sampled.of,
        });
    }
    if proposals.is_empty() {
        return Ok(proposals);
    }
    let batch = RecordBatch::try_from_iter([
        ("record_number_l", Arc::new(Int64Array::from(left)) as ArrayRef),
        ("record_number_r", Arc::new(Int64Array::from(right))),
        ("rule", Arc::new(Int32Array::from(key_of))),
    ])
    .doing("sample pairs that no rule compares")?;
    let drawn = scratch::table("match_further_pairs");
    scratch.put(&drawn, session.read_batch(batch)?).await?;
    let compared = scratch::table("match_further_compared");
    candidates::compare(scratch, keyed, &drawn, &compared, linkage).await?;
    let session = candidates::comparing(scratch).await?;
    let patterns = candidates::patterns(&session, &compared, linkage).await?;
    for (number, patterns) in patterns {
        let (mut all, mut same) = (0.0, 0.0);
        for (gammas, pairs) in &patterns {
            all += *pairs as f64;
            same += *pairs as f64 * parameters.probability(gammas);
        }
        let proposal: &mut Proposal = &mut proposals[number];
        proposal.true_pairs = proposal.pairs as f64 * same / all;
    }
    proposals.sort_by(|a, b| b.gain().total_cmp(&a.gain()).then_with(|| a.key.cmp(&b.key)));
    proposals.retain(|proposal| proposal.true_pairs >= 1.0);
    proposals.truncate(KEPT);
    Ok(proposals)
}

fn pieces(linkage: &Linkage) -> Vec<Piece> {
    let whole = linkage.attribute_names().into_iter().filter(|name| !NO_KEY.contains(name));
    let whole = whole.map(|name| Piece { attribute: name.to_owned(), sql: name.to_owned(), is_whole: true });
    let parts = PARTS.iter().map(|(name, sql)| Piece {
        attribute: (*name).to_owned(),
        sql: (*sql).to_owned(),
        is_whole: false,
    });
    whole.chain(parts).collect()
}

/// Returns the keys to try, as numbers of pieces: those that most pairs of one person share.
fn keys(
    linkage: &Linkage,
    parameters: &Parameters,
    pieces: &[Piece],
    sampled: &Sampled,
    blocking: &Blocking,
) -> Vec<Vec<usize>> {
    let share: Vec<f64> = (0..pieces.len())
        .map(|n| {
            let known = sampled.pieces[n].iter().filter(|key| **key >= 0).count() as f64;
            let known = known / sampled.numbers.len().max(1) as f64;
            known * known * agreeing(linkage, parameters, &pieces[n])
        })
        .collect();
    let mut keys: Vec<(f64, Vec<usize>)> = Vec::new();
    for a in 0..pieces.len() {
        if pieces[a].is_whole {
            keys.push((share[a], vec![a]));
        }
        for b in a + 1..pieces.len() {
            if pieces[a].attribute != pieces[b].attribute && (pieces[a].is_whole || pieces[b].is_whole) {
                keys.push((share[a] * share[b], vec![a, b]));
            }
        }
    }
    // A key that only says more than a rule's finds nothing beside it, unless that leaves blocks out.
    let whole = || linkage.blocking.iter().zip(&blocking.blocks).filter(|(_, blocks)| blocks.skipped == 0);
    let is_in = |rule: &KeyRule, key: &[usize]| {
        rule.key.iter().all(|part| key.iter().any(|n| pieces[*n].sql == *part))
    };
    keys.retain(|(share, key)| *share >= LEAST_SHARE && !whole().any(|(rule, _)| is_in(rule, key)));
    keys.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    keys.truncate(MOST_KEYS);
    keys.into_iter().map(|(_, key)| key).collect()
}

/// Returns the share of pairs of one person that agree on a piece, where both have it.
fn agreeing(linkage: &Linkage, parameters: &Parameters, piece: &Piece) -> f64 {
    let own = linkage.comparisons.iter().position(|c| c.columns.first() == Some(&piece.attribute));
    let Some(comparison) = own else {
        // Part of an address: one half, for want of a better word.
        return if ATTRIBUTES.contains(&piece.attribute.as_str()) { 0.5 } else { 0.0 };
    };
    let same = parameters.m[comparison].last().copied().unwrap_or_default();
    // Of those that differ somewhere, a part is often still the same.
    if piece.is_whole { same } else { same + (1.0 - same) / 2.0 }
}

impl Sampled {
    async fn read(
        session: &Session,
        keyed: &TableName,
        pieces: &[Piece],
        blocking: &Blocking,
        records: u64,
    ) -> Result<Sampled> {
        let of = records.div_ceil(MOST_RECORDS).max(1);
        let mut columns = vec!["record_number".to_owned()];
        columns.extend(
            pieces
                .iter()
                .enumerate()
                .map(|(n, piece)| format!("coalesce(block_key(nullif({}, '')), -1) as piece_{n}", piece.sql)),
        );
        columns.extend(blocking.keys.iter().cloned());
        let sql = format!(
            "select {} from {keyed} where block_key(cast(record_number as varchar)) % {of} = 0
             order by record_number",
            columns.join(", ")
        );
        let doing = "read the keys that blocking rules could have";
        let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
        let column = |n: usize| -> Vec<i64> {
            batches
                .iter()
                .flat_map(|batch| batch.column(n).as_primitive::<Int64Type>().values().iter().copied())
                .collect()
        };
        let rules = 1 + pieces.len()..1 + pieces.len() + blocking.keys.len();
        Ok(Sampled {
            numbers: column(0),
            pieces: (1..=pieces.len()).map(column).collect(),
            rules: rules.map(column).collect(),
            of,
        })
    }

    /// Returns the blocks of a key, and the pairs in those within the limit that no rule compares, as places in
    /// the sample.
    fn further_pairs(&self, key: &[usize], limit: u64) -> (Blocks, Vec<(u32, u32)>) {
        let value = |place: usize| key.iter().map(move |piece| self.pieces[*piece][place]);
        let mut placed: Vec<([i64; 2], u32)> = (0..self.numbers.len())
            .filter(|place| value(*place).all(|part| part >= 0))
            .map(|place| {
                let mut parts = value(place);
                ([parts.next().unwrap_or_default(), parts.next().unwrap_or_default()], place as u32)
            })
            .collect();
        placed.sort_unstable();
        let blocks_of = || placed.chunk_by(|a, b| a.0 == b.0).filter(|records| records.len() > 1);
        let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
        for records in blocks_of() {
            *sizes.entry(records.len() as u64).or_default() += 1;
        }
        // In one of `of` records a block has as many fewer, and its pairs are fewer by the square.
        let mut blocks = Blocks::of(String::new(), (limit / self.of).max(1));
        let rule = KeyRule { key: Vec::new(), max_pairs_a_record: Some(PAIRS_A_RECORD) };
        let budget = rule.most_pairs(self.numbers.len() as u64) / self.of;
        sizes.into_iter().for_each(|(size, count)| blocks.add(size, count, budget));
        let mut pairs = Vec::new();
        for records in blocks_of().filter(|records| records.len() as u64 <= blocks.limit) {
            for (n, (_, a)) in records.iter().enumerate() {
                let others = records[n + 1..].iter().map(|(_, b)| *b);
                pairs.extend(others.filter(|b| !self.is_compared(*a, *b)).map(|b| (*a, b)));
            }
        }
        (blocks, pairs)
    }

    fn is_compared(&self, a: u32, b: u32) -> bool {
        let (a, b) = (a as usize, b as usize);
        self.rules.iter().any(|keys| keys[a] >= 0 && keys[a] == keys[b])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(key: &str, pairs: u64, true_pairs: f64) -> Proposal {
        let key = key.to_owned();
        Proposal { key, pairs, true_pairs, largest_block: 3, skipped_blocks: 0, block_limit: 500 }
    }

    #[test]
    fn what_pays_is_said_and_the_same_not_twice() {
        let proposals = [
            proposal("[\"birth_date\"]", 289, 272.0),
            proposal("[\"birth_date\", \"city\"]", 200, 190.0),
            proposal("[\"last_name\", \"city\"]", 500, 20.0),
            proposal("[\"phone\"]", 4, 3.0),
            proposal("[\"first_name\"]", 100_000, 30.0),
        ];
        let notes = notes(&proposals);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].starts_with(
            "a blocking rule key = [\"birth_date\"] would add 289 pairs, of which about 272 of one person"
        ));
    }

    #[test]
    fn pairs_that_a_rule_compares_are_no_further_ones_and_large_blocks_are_bounded() {
        let records = 5_000_usize;
        let sampled = Sampled {
            numbers: (0..records as i64).collect(),
            // A pair of each value; and one value that a hundred and twenty have.
            pieces: vec![
                (0..records as i64).map(|n| n / 2).collect(),
                (0..records as i64).map(|n| if n < 200 { 0 } else { -1 }).collect(),
            ],
            rules: vec![(0..records as i64).map(|n| if n < 100 { n / 2 } else { -1 - n }).collect()],
            of: 1,
        };
        let (blocks, pairs) = sampled.further_pairs(&[0], 500);
        assert_eq!((blocks.blocks, blocks.pairs, pairs.len()), (2_500, 2_500, 2_450));
        // 19,900 pairs of one block are more than two a record.
        let (blocks, pairs) = sampled.further_pairs(&[1], 500);
        assert_eq!((blocks.skipped, blocks.largest, pairs.len()), (1, 200, 0));
    }
}
