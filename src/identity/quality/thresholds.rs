//! The thresholds for which figures are given: whole bits of match weight, and the two declared ones.

use crate::identity::declaration::Persons;
use crate::identity::linkage::weight::bits_of;

/// A match weight from which on figures are given.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Match weight.
    pub bits: f64,
    /// What the pipeline does from here on, `link` or `review`; none at whole bits in between.
    pub action: Option<&'static str>,
}

impl Threshold {
    /// Returns the match weight as a probability.
    pub fn probability(&self) -> f64 {
        1.0 / (1.0 + (-self.bits).exp2())
    }
}

/// Thresholds in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds(pub Vec<Threshold>);

impl Thresholds {
    /// Returns the declared thresholds and, between these many bits, the whole ones.
    pub fn new(from: i32, to: i32, persons: &Persons) -> Thresholds {
        let named = [("review", persons.review_probability), ("link", persons.link_probability)]
            .map(|(name, probability)| Threshold { bits: bits_of(probability), action: Some(name) });
        let mut thresholds = named.to_vec();
        thresholds.extend((from..=to).map(|bits| Threshold { bits: f64::from(bits), action: None }));
        thresholds.sort_by(|a, b| a.bits.total_cmp(&b.bits));
        // 0.8 is two bits but for its last digit: of such two the declared one stays.
        thresholds.dedup_by(|next, kept| {
            let same = next.bits - kept.bits < 1e-9;
            if same && next.action.is_some() {
                *kept = next.clone();
            }
            same
        });
        Thresholds(thresholds)
    }

    /// Returns those from the threshold on above which pairs are kept.
    pub(super) fn from_review(to: i32, persons: &Persons) -> Thresholds {
        let least = bits_of(persons.review_probability);
        let mut thresholds = Thresholds::new(least.ceil() as i32, to, persons);
        thresholds.0.retain(|threshold| threshold.bits >= least);
        thresholds
    }

    /// SQL: the number of the highest threshold that a weight reaches, -1 where it reaches none.
    pub(super) fn reached_sql(&self, weight: &str) -> String {
        let mut sql = "cast(case".to_owned();
        for (n, threshold) in self.0.iter().enumerate().rev() {
            sql.push_str(&format!(" when {weight} >= {:e} then {n}", threshold.bits));
        }
        sql + " else -1 end as bigint)"
    }

    /// From how many reach each threshold as their highest to how many reach it at all.
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

    fn persons(declared: &str) -> Persons {
        let text = format!("records = 'channel.persons'\n{declared}");
        toml::from_str::<IdentityDeclaration>(&text).unwrap().check().unwrap().persons.unwrap()
    }

    #[test]
    fn declared_thresholds_stand_between_whole_bits() {
        let thresholds = Thresholds::new(0, 4, &persons(""));
        let names: Vec<_> = thresholds.0.iter().map(|threshold| threshold.action).collect();
        assert_eq!(names, [None, Some("review"), None, None, None, Some("link"), None]);
        assert!((thresholds.0[5].probability() - 0.9).abs() < 1e-12);
        assert!((thresholds.0[1].probability() - 0.6).abs() < 1e-12);
    }

    #[test]
    fn a_declared_threshold_of_whole_bits_is_one_rung() {
        let thresholds =
            Thresholds::from_review(3, &persons("review_probability = 0.5\nlink_probability = 0.8"));
        let names: Vec<_> = thresholds.0.iter().map(|threshold| threshold.action).collect();
        assert_eq!(names, [Some("review"), None, Some("link"), None]);
        assert!((thresholds.0[2].bits - 2.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_below_the_review_threshold_is_asked_for() {
        let thresholds = Thresholds::from_review(3, &persons("review_probability = 0.8"));
        assert_eq!(thresholds.0[0].action, Some("review"));
        assert!(thresholds.0.windows(2).all(|pair| pair[0].bits < pair[1].bits));
        let below = Thresholds::from_review(3, &persons("review_probability = 0.2"));
        assert_eq!(below.0.iter().filter(|threshold| threshold.bits < 0.0).count(), 2, "-2 and -1 bits");
    }

    #[test]
    fn counts_add_up_downwards() {
        assert_eq!(Thresholds::at_least(&[1, 0, 5, 2]), [8, 7, 7, 2]);
        assert_eq!(Thresholds::at_least(&[]), [0; 0]);
    }
}
