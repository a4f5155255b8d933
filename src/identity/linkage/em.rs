//! What each level of agreement says: Fellegi and Sunter's m and u (1969), estimated by counting and
//! by expectation-maximisation (Winkler 1988), from counts of patterns alone.
//!
//! - u, the shares among pairs of two persons, from pairs of records drawn at random. Few of these
//!   are of one person; how many is estimated along, so that they do not count.
//! - m, the shares among pairs of one person, by EM on pairs that agree on some attribute, for the
//!   other attributes; several such sessions are averaged by how many pairs of one person each saw.
//! - the prior, the share of pairs of one person among all. The candidates say how many there are at least:
//!   as many as are expected among them. Pairs that no rule finds are missing there; how many there are follows
//!   from pairs that agree on a key, such as the date of birth, and from how often pairs of one person do.
//!
//! Nothing is drawn by chance here and no float is summed in an order that could change.

use std::collections::BTreeMap;

/// How many pairs agree in this way: a level number for each comparison, -1 if a value is missing.
pub(super) type Patterns = BTreeMap<Vec<i8>, u64>;

/// Shares by comparison and level number.
type Shares = Vec<Vec<f64>>;

const MOST_ROUNDS: usize = 200;
const TOLERANCE: f64 = 1e-7;
/// The expected shares count as much as this many pairs of one person: they steady a level that few
/// pairs reach, and yield to a hundred.
const EXPECTED_PAIRS: f64 = 10.0;
/// A level that no random pair reaches is given half a pair.
const UNSEEN: f64 = 0.5;

/// The parameters of a linkage model.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    pub m: Shares,
    pub u: Shares,
    /// Share of pairs of one person among all pairs of records.
    pub prior: f64,
}

/// Pairs that agree on an attribute; `learns` says for which comparisons they are used.
#[derive(Debug, Clone)]
pub struct Session {
    pub patterns: Patterns,
    pub learns: Vec<bool>,
    /// `None` where the key is not made of whole attributes.
    pub of_all: Option<ShareOfAll>,
}

/// Which share of all pairs of one person a session holds.
#[derive(Debug, Clone)]
pub struct ShareOfAll {
    /// The comparisons whose most telling level the key means.
    pub agrees: Vec<usize>,
    /// The share of pairs that have the key at all, and were drawn.
    pub drawn: f64,
}

impl Parameters {
    /// Probability that a pair is of one person.
    pub fn probability(&self, gammas: &[i8]) -> f64 {
        posterior(self.prior, &self.m, &self.u, gammas, |_| true)
    }
}

fn posterior(prior: f64, m: &Shares, u: &Shares, gammas: &[i8], counts: impl Fn(usize) -> bool) -> f64 {
    // In logarithms: many levels multiply to very little.
    let mut odds = (prior / (1.0 - prior)).ln();
    for (c, gamma) in gammas.iter().enumerate() {
        if let Ok(level) = usize::try_from(*gamma)
            && counts(c)
        {
            odds += (m[c][level] / u[c][level]).ln();
        }
    }
    1.0 / (1.0 + (-odds).exp())
}

/// Estimates the parameters.
///
/// `expected` are the m to begin with, `random` the patterns of pairs drawn at random, `candidates`
/// those of all pairs that are compared, of `all_pairs` pairs of records there are.
pub(crate) fn estimate(
    expected: &Shares,
    random: &Patterns,
    sessions: &[Session],
    candidates: &Patterns,
    all_pairs: f64,
) -> Parameters {
    let mut parameters = Parameters { m: expected.clone(), u: Vec::new(), prior: 1.0 / all_pairs.max(2.0) };
    parameters.u = shares_of_two_persons(random, expected, |_| 0.0);
    // u needs to know which random pairs are of one person, m needs u: each is estimated again with the
    // other.
    for _ in 0..3 {
        let found: Vec<Found> = sessions
            .iter()
            .map(|session| expectation_maximisation(expected, session, &parameters.u))
            .collect();
        parameters.m = average(expected, sessions, &found);
        let of_candidates = prior(&parameters, candidates, all_pairs);
        let of_sessions = prior_of_sessions(&parameters, sessions, &found, all_pairs);
        parameters.prior = of_sessions.unwrap_or(0.0).max(of_candidates).min(0.5);
        let known = parameters.clone();
        parameters.u = shares_of_two_persons(random, expected, |gammas| known.probability(gammas));
    }
    parameters
}

/// u, each pair counted by the probability that it is of two persons.
fn shares_of_two_persons(random: &Patterns, shape: &Shares, same: impl Fn(&[i8]) -> f64) -> Shares {
    let mut counts: Shares = shape.iter().map(|levels| vec![UNSEEN; levels.len()]).collect();
    for (gammas, pairs) in random {
        let weight = *pairs as f64 * (1.0 - same(gammas));
        add(&mut counts, gammas, weight);
    }
    normalised(counts)
}

/// m of all sessions, each counted by its pairs of one person.
fn average(expected: &Shares, sessions: &[Session], found: &[Found]) -> Shares {
    let mut counts: Shares =
        expected.iter().map(|shares| shares.iter().map(|share| share * EXPECTED_PAIRS).collect()).collect();
    for (session, found) in sessions.iter().zip(found) {
        for (c, levels) in found.counts.iter().enumerate().filter(|(c, _)| session.learns[*c]) {
            for (level, pairs) in levels.iter().enumerate() {
                counts[c][level] += pairs;
            }
        }
    }
    normalised(counts)
}

/// What a session says, after convergence.
struct Found {
    /// The expected number of pairs of one person at each level.
    counts: Shares,
    /// And in all.
    same: f64,
}

fn expectation_maximisation(expected: &Shares, session: &Session, u: &Shares) -> Found {
    let all: f64 = session.patterns.values().map(|pairs| *pairs as f64).sum();
    let mut m = expected.clone();
    let mut share: f64 = 0.5;
    let mut counts: Shares = expected.iter().map(|levels| vec![0.0; levels.len()]).collect();
    let mut same = 0.0;
    if all == 0.0 {
        return Found { counts, same };
    }
    for _ in 0..MOST_ROUNDS {
        counts.iter_mut().flatten().for_each(|count| *count = 0.0);
        same = 0.0;
        for (gammas, pairs) in &session.patterns {
            let p = posterior(share, &m, u, gammas, |c| session.learns[c]) * *pairs as f64;
            same += p;
            add(&mut counts, gammas, p);
        }
        let before = (share, m.clone());
        // Never certain, else nothing could be learnt any more.
        share = (same / all).clamp(1e-9, 1.0 - 1e-9);
        m = normalised(
            counts
                .iter()
                .zip(expected)
                .map(|(counts, expected)| {
                    counts.iter().zip(expected).map(|(n, e)| n + e * EXPECTED_PAIRS).collect()
                })
                .collect(),
        );
        let moved = m.iter().flatten().zip(before.1.iter().flatten()).map(|(a, b)| (a - b).abs());
        if moved.fold((share - before.0).abs(), f64::max) < TOLERANCE {
            break;
        }
    }
    Found { counts, same }
}

/// Returns the prior that fits the candidates. Pairs that are not compared count as of two persons.
fn prior(parameters: &Parameters, candidates: &Patterns, all_pairs: f64) -> f64 {
    let mut found = parameters.clone();
    for _ in 0..MOST_ROUNDS {
        let same: f64 =
            candidates.iter().map(|(gammas, pairs)| found.probability(gammas) * *pairs as f64).sum();
        // One pair at least: else the first night without a match could never find one again.
        let next = (same.max(1.0) / all_pairs.max(2.0)).min(0.5);
        let moved = (next / found.prior).ln().abs();
        found.prior = next;
        if moved < TOLERANCE {
            break;
        }
    }
    found.prior
}

/// Returns the prior that the sessions say: their pairs of one person, over the share of all such pairs that agree
/// on a session's key by what the other sessions found. `None` where none says it.
fn prior_of_sessions(
    parameters: &Parameters,
    sessions: &[Session],
    found: &[Found],
    all_pairs: f64,
) -> Option<f64> {
    let is_learnt = |comparison: usize| sessions.iter().any(|session| session.learns[comparison]);
    let (mut same, mut shares) = (0.0, 0.0);
    for (session, found) in sessions.iter().zip(found) {
        let Some(share) = &session.of_all else { continue };
        if share.agrees.is_empty() || !share.agrees.iter().all(|comparison| is_learnt(*comparison)) {
            continue;
        }
        let agrees: f64 =
            share.agrees.iter().map(|c| parameters.m[*c].last().copied().unwrap_or(1.0)).product();
        same += found.same;
        shares += agrees * share.drawn;
    }
    (same >= EXPECTED_PAIRS && shares > 0.0).then(|| same / shares / all_pairs.max(2.0))
}

fn add(counts: &mut Shares, gammas: &[i8], weight: f64) {
    for (c, gamma) in gammas.iter().enumerate() {
        if let Ok(level) = usize::try_from(*gamma) {
            counts[c][level] += weight;
        }
    }
}

fn normalised(counts: Shares) -> Shares {
    counts
        .into_iter()
        .map(|levels| {
            let sum: f64 = levels.iter().sum();
            levels.into_iter().map(|count| count / sum).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs as a model with these parameters makes them: exact expectations, no chance.
    fn planted(same: f64, differ: f64, m: &Shares, u: &Shares) -> Patterns {
        let mut patterns = Patterns::new();
        let mut rows: Vec<(Vec<i8>, f64, f64)> = vec![(Vec::new(), same, differ)];
        for (m, u) in m.iter().zip(u) {
            rows = rows
                .into_iter()
                .flat_map(|(gammas, s, d)| {
                    (0..m.len()).map(move |level| {
                        let mut gammas = gammas.clone();
                        gammas.push(level as i8);
                        (gammas, s * m[level], d * u[level])
                    })
                })
                .collect();
        }
        for (gammas, s, d) in rows {
            patterns.insert(gammas, (s + d).round() as u64);
        }
        patterns
    }

    fn near(found: &Shares, planted: &Shares, tolerance: f64) {
        for (found, planted) in found.iter().flatten().zip(planted.iter().flatten()) {
            assert!((found - planted).abs() < tolerance, "{found} planted {planted}");
        }
    }

    #[test]
    fn planted_parameters_are_found() {
        let m: Shares = vec![vec![0.05, 0.15, 0.8], vec![0.1, 0.9], vec![0.2, 0.8], vec![0.02, 0.98]];
        let u: Shares = vec![vec![0.95, 0.04, 0.01], vec![0.99, 0.01], vec![0.9, 0.1], vec![0.998, 0.002]];
        let (same, all) = (4_000.0, 5_000_000.0);
        let expected: Shares = vec![vec![0.2, 0.2, 0.6], vec![0.3, 0.7], vec![0.3, 0.7], vec![0.3, 0.7]];
        // A fifth of one per cent of the random pairs are of one person all the same.
        let random = planted(1_000.0, 499_000.0, &m, &u);
        // Pairs that agree on the last attribute, and pairs that agree on the first.
        let held = |c: usize, level: usize| {
            let (mut mm, mut uu) = (m.clone(), u.clone());
            let (s, d) = (same * m[c][level], all * u[c][level]);
            for (l, (a, b)) in mm[c].iter_mut().zip(uu[c].iter_mut()).enumerate() {
                (*a, *b) = if l == level { (1.0, 1.0) } else { (0.0, 0.0) };
            }
            let learns = (0..4).map(|n| n != c).collect();
            let of_all = Some(ShareOfAll { agrees: vec![c], drawn: 1.0 });
            Session { patterns: planted(s, d, &mm, &uu), learns, of_all }
        };
        let sessions = [held(3, 1), held(0, 2)];
        let candidates = planted(same, all - same, &m, &u);
        let found = estimate(&expected, &random, &sessions, &candidates, all);
        near(&found.m, &m, 0.02);
        near(&found.u, &u, 0.002);
        assert!((found.prior / (same / all) - 1.0).abs() < 0.1, "prior {}", found.prior);
    }

    #[test]
    fn without_pairs_what_was_expected_stands() {
        let expected: Shares = vec![vec![0.25, 0.75]];
        let none = Patterns::new();
        let found = estimate(&expected, &none, &[], &none, 1.0);
        assert_eq!(found.m, expected);
        assert!(found.prior > 0.0 && found.prior < 1.0);
        assert!(found.u[0].iter().all(|share| *share > 0.0));
    }

    #[test]
    fn what_says_nothing_weighs_nothing() {
        let parameters = Parameters { m: vec![vec![0.1, 0.9]], u: vec![vec![0.9, 0.1]], prior: 0.25 };
        assert!((parameters.probability(&[-1]) - 0.25).abs() < 1e-12);
        assert!(parameters.probability(&[1]) > 0.7 && parameters.probability(&[0]) < 0.04);
    }
}
