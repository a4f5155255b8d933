//! The thresholds for which figures are given: whole bits of match weight, and the two declared ones.

use crate::identity::declaration::Persons;
use crate::identity::linkage::weight::bits_of;

/// A threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Match weight.
    pub bits: f64,
    /// What the pipeline does from here on: `link` or `review`.
    pub threshold: Option<&'static str>,
}

impl Threshold {
    /// Returns the match weight as a probability.
    pub fn probability(&self) -> f64 {
        1.0 / (1.0 + (-self.bits).exp2())
    }
}

/// Rungs in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds(pub Vec<Threshold>);

impl Thresholds {
    /// Returns the declared thresholds and, between these many bits, the whole ones.
    pub fn new(from: i32, to: i32, persons: &Persons) -> Thresholds {
        let named = [("review", persons.review_probability), ("link", persons.link_probability)]
            .map(|(name, probability)| Threshold { bits: bits_of(probability), threshold: Some(name) });
        let mut rungs = named.to_vec();
        rungs.extend((from..=to).map(|bits| Threshold { bits: f64::from(bits), threshold: None }));
        rungs.sort_by(|a, b| a.bits.total_cmp(&b.bits));
        // 0.8 is two bits but for its last digit: of such rungs the declared one stands.
        rungs.dedup_by(|next, kept| {
            let same = next.bits - kept.bits < 1e-9;
            if same && next.threshold.is_some() {
                *kept = next.clone();
            }
            same
        });
        Thresholds(rungs)
    }

    /// Returns the ladder from the threshold on above which pairs are kept.
    pub(super) fn from_review(to: i32, persons: &Persons) -> Thresholds {
        let least = bits_of(persons.review_probability);
        let mut ladder = Thresholds::new(least.ceil() as i32, to, persons);
        ladder.0.retain(|rung| rung.bits >= least);
        ladder
    }

    /// SQL: the number of the highest rung that a weight reaches, -1 where it reaches none.
    pub(super) fn reached_sql(&self, weight: &str) -> String {
        let mut sql = "cast(case".to_owned();
        for (n, rung) in self.0.iter().enumerate().rev() {
            sql.push_str(&format!(" when {weight} >= {:e} then {n}", rung.bits));
        }
        sql + " else -1 end as bigint)"
    }

    /// From how many reach each rung as their highest to how many reach it at all.
    pub fn at_least(highest: &[u64]) -> Vec<u64> {
        let mut sum = 0;
        let mut counts: Vec<u64> = highest
            .iter()
            .rev()
            .map(|count| {
                sum += count;
                sum
            })
            .collect();
        counts.reverse();
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityDeclaration;

    fn persons(thresholds: &str) -> Persons {
        let text = format!("records = 'channel.persons'\n{thresholds}");
        toml::from_str::<IdentityDeclaration>(&text).unwrap().check().unwrap().persons.unwrap()
    }

    #[test]
    fn declared_thresholds_stand_between_whole_bits() {
        let ladder = Thresholds::new(0, 4, &persons(""));
        let names: Vec<_> = ladder.0.iter().map(|rung| rung.threshold).collect();
        assert_eq!(names, [None, Some("review"), None, None, None, Some("link"), None]);
        assert!((ladder.0[5].probability() - 0.9).abs() < 1e-12);
        assert!((ladder.0[1].probability() - 0.6).abs() < 1e-12);
    }

    #[test]
    fn a_declared_threshold_of_whole_bits_is_one_rung() {
        let ladder = Thresholds::from_review(3, &persons("review_probability = 0.5\nlink_probability = 0.8"));
        let names: Vec<_> = ladder.0.iter().map(|rung| rung.threshold).collect();
        assert_eq!(names, [Some("review"), None, Some("link"), None]);
        assert!((ladder.0[2].bits - 2.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_below_the_review_threshold_is_asked_for() {
        let ladder = Thresholds::from_review(3, &persons("review_probability = 0.8"));
        assert_eq!(ladder.0[0].threshold, Some("review"));
        assert!(ladder.0.windows(2).all(|pair| pair[0].bits < pair[1].bits));
        let below = Thresholds::from_review(3, &persons("review_probability = 0.2"));
        assert_eq!(below.0.iter().filter(|rung| rung.bits < 0.0).count(), 2, "-2 and -1 bits");
    }

    #[test]
    fn counts_add_up_downwards() {
        assert_eq!(Thresholds::at_least(&[1, 0, 5, 2]), [8, 7, 7, 2]);
        assert_eq!(Thresholds::at_least(&[]), [0; 0]);
    }
}
