//! What each level of agreement says: Fellegi and Sunter's m and u (1969), estimated by counting and
//! by expectation-maximisation (Winkler 1988), from counts of patterns alone.
//!
//! - u, the shares among pairs of two persons, from pairs of records drawn at random. Few of these
//!   are of one person; how many is estimated along, so that they do not count.
//! - m, the shares among pairs of one person, by EM on pairs that agree on some attribute, for the
//!   other attributes; several such sessions are averaged by how many pairs of one person each saw. Where
//!   all together saw few, the candidates help.
//! - the prior, the share of pairs of one person among all. The candidates say how many there are at least:
//!   as many as are expected among them. Pairs that no rule finds are missing there; how many there are follows
//!   from pairs that agree on a key, such as the date of birth, and from how often pairs of one person do.
//!
//! Two persons of one household share name, address and telephone, each of which would speak for one person by
//! itself. Such pairs are a class of their own beside pairs of one person and pairs of strangers: what they share
//! is declared, how many there are is estimated from the candidates.
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
/// Which share of the pairs of one person the sessions must have seen to speak for all.
const ENOUGH_PAIRS: f64 = 0.6;
/// A session whose key a smaller share of all pairs has says nothing of the others.
const LEAST_SHARE: f64 = 0.02;
/// No class has more of all pairs.
const MOST_SHARE: f64 = 0.4;
/// A level that no random pair reaches is given half a pair.
const UNSEEN: f64 = 0.5;

/// The parameters of a linkage model.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    pub m: Shares,
    pub u: Shares,
    /// Share of pairs of one person among all pairs of records.
    pub prior: f64,
    pub household: Household,
}

/// Pairs of two persons of one household.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Household {
    /// Their share among all pairs of records.
    pub prior: f64,
    /// The shares of such pairs at the levels for which that is declared, by comparison and level number; at the
    /// others they are as strangers are.
    pub shared: Vec<Vec<Option<f64>>>,
}

impl Household {
    fn is_declared(&self) -> bool {
        self.shared.iter().flatten().any(Option::is_some)
    }

    /// Returns how much more often than strangers such pairs are at a level.
    pub(crate) fn odds(&self, u: &Shares, comparison: usize, level: usize) -> f64 {
        let Some(shared) = self.shared.get(comparison) else { return 1.0 };
        match shared[level] {
            Some(share) => share / u[comparison][level],
            None => {
                let declared: f64 = shared.iter().flatten().sum();
                let others = u[comparison].iter().zip(shared).filter(|(_, share)| share.is_none());
                (1.0 - declared) / others.map(|(u, _)| u).sum::<f64>().max(f64::MIN_POSITIVE)
            }
        }
    }
}

/// The share of pairs of one person, and of two of one household.
type Prior = [f64; 2];

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
    /// The share of pairs that have the key at all.
    pub known: f64,
    /// The share of those that agree on it that were drawn.
    pub drawn: f64,
}

impl Parameters {
    /// Probability that a pair is of one person.
    pub fn probability(&self, gammas: &[i8]) -> f64 {
        self.posterior([self.prior, self.household.prior], gammas, |_| true)[0]
    }

    /// Returns the probabilities that a pair is of one person, and of two of one household.
    fn posterior(&self, prior: Prior, gammas: &[i8], counts: impl Fn(usize) -> bool) -> Prior {
        // In logarithms against strangers: many levels multiply to very little.
        let strangers = 1.0 - prior[0] - prior[1];
        let mut odds = prior.map(|share| (share / strangers).ln());
        for (c, gamma) in gammas.iter().enumerate() {
            if let Ok(level) = usize::try_from(*gamma)
                && counts(c)
            {
                odds[0] += (self.m[c][level] / self.u[c][level]).ln();
                odds[1] += self.household.odds(&self.u, c, level).ln();
            }
        }
        let most = odds[0].max(odds[1]).max(0.0);
        let [same, house] = odds.map(|odds| (odds - most).exp());
        let all = same + house + (-most).exp();
        [same / all, house / all]
    }
}

/// Estimates the parameters.
///
/// `expected` are the m to begin with, `shared` what households share, `random` the patterns of pairs drawn at random, `candidates`
/// those of all pairs that are compared, of `all_pairs` pairs of records there are.
pub(crate) fn estimate(
    expected: &Shares,
    shared: Vec<Vec<Option<f64>>>,
    random: &Patterns,
    sessions: &[Session],
    candidates: &Patterns,
    all_pairs: f64,
) -> Parameters {
    let household = Household { prior: 0.0, shared };
    let prior = 1.0 / all_pairs.max(2.0);
    let mut parameters = Parameters { m: expected.clone(), u: Vec::new(), prior, household };
    parameters.u = shares_of_two_persons(random, expected, |_| 0.0);
    // u needs to know which random pairs are of one person, m needs u: each is estimated again with the
    // other.
    for _ in 0..3 {
        let found: Vec<Found> =
            sessions.iter().map(|session| expectation_maximisation(expected, session, &parameters)).collect();
        parameters.m = average(expected, sessions, &found);
        set_priors(&mut parameters, sessions, &found, candidates, all_pairs);
        complete(&mut parameters, expected, sessions, &found, candidates);
        set_priors(&mut parameters, sessions, &found, candidates, all_pairs);
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

/// Learns from the candidates themselves what the sessions hardly saw: of some comparisons their few pairs may be
/// of a special kind, such as cards made out anew under a misspelt name where only cards have a date of birth.
/// The rules find rather those that agree, so the more the sessions saw, the less this counts.
fn complete(
    parameters: &mut Parameters,
    expected: &Shares,
    sessions: &[Session],
    found: &[Found],
    candidates: &Patterns,
) {
    let mut of_candidates: Shares = expected.iter().map(|levels| vec![0.0; levels.len()]).collect();
    for (gammas, pairs) in candidates {
        add(&mut of_candidates, gammas, parameters.probability(gammas) * *pairs as f64);
    }
    for (c, levels) in of_candidates.iter().enumerate() {
        let of_sessions: f64 = (sessions.iter().zip(found))
            .filter(|(session, _)| session.learns[c])
            .map(|(_, found)| found.counts[c].iter().sum::<f64>())
            .sum();
        let all: f64 = levels.iter().sum();
        let missing = 1.0 - of_sessions / (all * ENOUGH_PAIRS).max(f64::MIN_POSITIVE);
        if missing <= 0.0 {
            continue;
        }
        let learnt = of_sessions + EXPECTED_PAIRS;
        let counts = parameters.m[c].iter().zip(levels).map(|(m, pairs)| m * learnt + pairs * missing);
        let counts: Vec<f64> = counts.collect();
        let sum: f64 = counts.iter().sum();
        parameters.m[c] = counts.into_iter().map(|count| count / sum).collect();
    }
}

/// What a session says, after convergence.
struct Found {
    /// The expected number of pairs of one person at each level.
    counts: Shares,
    /// And in all.
    same: f64,
}

fn expectation_maximisation(expected: &Shares, session: &Session, known: &Parameters) -> Found {
    let all: f64 = session.patterns.values().map(|pairs| *pairs as f64).sum();
    let mut found = Parameters { m: expected.clone(), ..known.clone() };
    let mut shares: Prior = if known.household.is_declared() { [0.4, 0.2] } else { [0.5, 0.0] };
    let mut counts: Shares = expected.iter().map(|levels| vec![0.0; levels.len()]).collect();
    let mut same = 0.0;
    if all == 0.0 {
        return Found { counts, same };
    }
    for _ in 0..MOST_ROUNDS {
        counts.iter_mut().flatten().for_each(|count| *count = 0.0);
        same = 0.0;
        let mut house = 0.0;
        for (gammas, pairs) in &session.patterns {
            let [p, q] = found.posterior(shares, gammas, |c| session.learns[c]).map(|p| p * *pairs as f64);
            same += p;
            house += q;
            add(&mut counts, gammas, p);
        }
        let before = (shares, found.m.clone());
        // Never certain, else nothing could be learnt any more.
        shares[0] = (same / all).clamp(1e-9, 1.0 - 2e-9);
        shares[1] = (house / all).min(1.0 - 1e-9 - shares[0]);
        found.m = normalised(
            counts
                .iter()
                .zip(expected)
                .map(|(counts, expected)| {
                    counts.iter().zip(expected).map(|(n, e)| n + e * EXPECTED_PAIRS).collect()
                })
                .collect(),
        );
        let moved = found.m.iter().flatten().zip(before.1.iter().flatten()).map(|(a, b)| (a - b).abs());
        let moved_shares = shares.iter().zip(before.0).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if moved.fold(moved_shares, f64::max) < TOLERANCE {
            break;
        }
    }
    Found { counts, same }
}

/// Sets the priors that fit the candidates; pairs that are not compared count as of strangers. Of pairs of one
/// person the sessions may say that there are more.
fn set_priors(
    parameters: &mut Parameters,
    sessions: &[Session],
    found: &[Found],
    candidates: &Patterns,
    all_pairs: f64,
) {
    parameters.household.prior = if parameters.household.is_declared() { parameters.prior } else { 0.0 };
    fit_priors(parameters, candidates, all_pairs, true);
    let Some(of_sessions) = prior_of_sessions(parameters, sessions, found, all_pairs) else { return };
    parameters.prior = of_sessions.max(parameters.prior).min(MOST_SHARE);
    fit_priors(parameters, candidates, all_pairs, false);
}

fn fit_priors(parameters: &mut Parameters, candidates: &Patterns, all_pairs: f64, of_one_person: bool) {
    for _ in 0..MOST_ROUNDS {
        let prior = [parameters.prior, parameters.household.prior];
        let (mut same, mut house) = (0.0, 0.0);
        for (gammas, pairs) in candidates {
            let [p, q] = parameters.posterior(prior, gammas, |_| true);
            same += p * *pairs as f64;
            house += q * *pairs as f64;
        }
        if of_one_person {
            // One pair at least: else the first night without a match could never find one again.
            parameters.prior = (same.max(1.0) / all_pairs.max(2.0)).min(MOST_SHARE);
        }
        if parameters.household.is_declared() {
            parameters.household.prior = (house / all_pairs.max(2.0)).min(MOST_SHARE);
        }
        let moved = (parameters.prior / prior[0]).ln().abs();
        let house_moved = (parameters.household.prior - prior[1]).abs() * all_pairs;
        if moved < TOLERANCE && house_moved < 1e-3 {
            break;
        }
    }
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
        if share.known >= LEAST_SHARE {
            same += found.same;
            shares += agrees * share.known * share.drawn;
        }
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
            let of_all = Some(ShareOfAll { agrees: vec![c], known: 1.0, drawn: 1.0 });
            Session { patterns: planted(s, d, &mm, &uu), learns, of_all }
        };
        let sessions = [held(3, 1), held(0, 2)];
        let candidates = planted(same, all - same, &m, &u);
        let found = estimate(&expected, Vec::new(), &random, &sessions, &candidates, all);
        near(&found.m, &m, 0.02);
        near(&found.u, &u, 0.002);
        assert!((found.prior / (same / all) - 1.0).abs() < 0.1, "prior {}", found.prior);
    }

    #[test]
    fn without_pairs_what_was_expected_stands() {
        let expected: Shares = vec![vec![0.25, 0.75]];
        let none = Patterns::new();
        let found = estimate(&expected, Vec::new(), &none, &[], &none, 1.0);
        assert_eq!(found.m, expected);
        assert!(found.prior > 0.0 && found.prior < 1.0);
        assert!(found.u[0].iter().all(|share| *share > 0.0));
    }

    #[test]
    fn what_says_nothing_weighs_nothing() {
        let parameters = Parameters {
            m: vec![vec![0.1, 0.9]],
            u: vec![vec![0.9, 0.1]],
            prior: 0.25,
            household: Household::default(),
        };
        assert!((parameters.probability(&[-1]) - 0.25).abs() < 1e-12);
        assert!(parameters.probability(&[1]) > 0.7 && parameters.probability(&[0]) < 0.04);
    }
}
