//! Match weights: the weight of each comparison level in bits, and their sum.
//!
//! The weight of a level is log2(m / u), its Bayes factor in bits; if the level uses term frequencies, u is
//! the share of other persons who have the term. The prior and the weights add up to the match weight, the
//! log2 of the odds that both records are one person.
//!
//! Of the records that have a term, two are the pair itself, and some are more records of the same person: they
//! say nothing of how many others have it. A term that nobody else has weighs what one bearer of all weighs,
//! and no less than its level does on average.
//!
//! What a pair agrees in may also be what a household shares; the odds of that are taken off.

use super::comparison::Comparison;
use super::em::Parameters;
use super::fitted::Estimate;
use super::model::Linkage;

impl Parameters {
    pub(crate) fn prior_bits(&self) -> f64 {
        (self.prior / (1.0 - self.prior - self.household.prior)).log2()
    }

    pub(crate) fn level_bits(&self, comparison: usize, level: usize) -> f64 {
        (self.m[comparison][level] / self.u[comparison][level]).log2()
    }
}

impl Estimate {
    /// Returns the bits of one comparison, over its columns `gamma_<name>` and `tf_<name>`.
    fn bits_sql(&self, n: usize, comparison: &Comparison) -> String {
        let name = &comparison.name;
        let mut sql = format!("case gamma_{name}");
        for level in 0..comparison.level_count() {
            let bits = number(self.parameters.level_bits(n, level));
            let term = comparison.level(level).and_then(|level| level.term.as_deref());
            if let Some(term) = term {
                let m = number(self.parameters.m[n][level].log2());
                let others = self.others_sql(&format!("tf_{name}"), term, self.parameters.u[n][level]);
                sql.push_str(&format!(" when {level} then coalesce({m} - log2({others}), {bits})"));
            } else {
                sql.push_str(&format!(" when {level} then {bits}"));
            }
        }
        sql + " else 0e0 end"
    }

    /// Returns the share of other persons who have a term, from the share `tf` of the records that have it.
    fn others_sql(&self, tf: &str, term: &str, u: f64) -> String {
        let records = self.terms.get(term).copied().unwrap_or_default().max(1) as f64;
        // Those of the same person beside the two, as many as a record has on average.
        let same = self.parameters.prior * (self.records as f64 - 1.0);
        let not_others = number((2.0 + same) / records);
        format!("greatest({tf} - {not_others}, {})", number(u.min(1.0 / records)))
    }

    /// Returns every pair of a table with `bits_<comparison>`, `match_weight` (bits) and `match_probability`.
    pub(crate) fn scored_sql(&self, linkage: &Linkage, pairs: &str) -> String {
        let bits: Vec<String> = linkage
            .comparisons
            .iter()
            .enumerate()
            .map(|(n, c)| format!(", {} as bits_{}", self.bits_sql(n, c), c.name))
            .collect();
        let sum: Vec<String> = linkage.comparisons.iter().map(|c| format!(" + bits_{}", c.name)).collect();
        format!(
            "select *, 1e0 / (1e0 + power(2e0, -match_weight)) as match_probability from
               (select *, {prior}{sum} + bits_household as match_weight from
                 (select *, {household} as bits_household from (select *{bits} from {pairs})))",
            prior = number(self.parameters.prior_bits()),
            sum = sum.concat(),
            bits = bits.concat(),
            household = self.household_sql(linkage),
        )
    }

    /// Returns the bits that a pair loses because it may be of two persons of one household.
    fn household_sql(&self, linkage: &Linkage) -> String {
        let Parameters { m, u, prior, household } = &self.parameters;
        if household.prior <= 0.0 {
            return "0e0".to_owned();
        }
        let mut odds = number((household.prior / (1.0 - prior - household.prior)).log2());
        for (n, comparison) in linkage.comparisons.iter().enumerate() {
            let name = &comparison.name;
            let levels: Vec<String> = (0..comparison.level_count())
                .map(|level| match household.shared[n][level] {
                    // Against strangers as rare as the term is.
                    Some(share) => {
                        let against_one_person = number((share / m[n][level]).log2());
                        format!(" when {level} then bits_{name} + {against_one_person}")
                    }
                    None => format!(" when {level} then {}", number(household.odds(u, n, level).log2())),
                })
                .collect();
            odds.push_str(&format!(" + case gamma_{name}{} else 0e0 end", levels.concat()));
        }
        format!("-log2(1e0 + power(2e0, {odds}))")
    }
}

/// Returns a float as SQL reads it back to the last bit; rounding would make two nights of the same
/// parameters differ.
fn number(value: f64) -> String {
    format!("({value:e})")
}

/// Returns the odds, in bits, of a probability.
pub(crate) fn bits_of(probability: f64) -> f64 {
    (probability / (1.0 - probability)).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_logarithms_of_odds() {
        assert_eq!(bits_of(0.5), 0.0);
        assert!((bits_of(0.9) - 9_f64.log2()).abs() < 1e-12);
        let parameters = Parameters {
            m: vec![vec![0.2, 0.8]],
            u: vec![vec![0.9, 0.1]],
            prior: 0.5,
            household: Default::default(),
        };
        assert_eq!(parameters.prior_bits(), 0.0);
        assert!((parameters.level_bits(0, 1) - 3.0).abs() < 1e-12);
        assert!(parameters.level_bits(0, 0) < -2.0);
    }

    #[test]
    fn a_number_comes_back_from_sql_to_the_last_bit() {
        for value in [0.1 + 0.2, -13.287_712_379_549_45, f64::MIN_POSITIVE, 0.0] {
            let text = number(value);
            assert_eq!(text[1..text.len() - 1].parse::<f64>().unwrap(), value);
        }
    }
}
