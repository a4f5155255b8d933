//! `[segments.<name>]`: which features, how many segments, which words.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Problem;
use crate::error::Error;
use crate::mining::bounds::{at_least, check_winsorise, winsorise};
use crate::mining::condition::check_condition;
use crate::mining::feature_column::{FeatureColumn, check_columns};
use crate::mining::feature_words::{Words, check_words};
use crate::name::TableName;

/// Groups of customers who are like each other.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SegmentSection {
    /// The table of features, one row per customer.
    #[schemars(example = &"mart.customer_features")]
    pub features: TableName,
    /// The features by which customers are like each other.
    pub columns: Vec<FeatureColumn>,
    /// How many segments there are.
    #[schemars(example = 6)]
    pub k: Option<usize>,
    /// The smallest and the largest number of segments, from which one is chosen by the stability of the
    /// segments.
    #[schemars(example = [5, 7])]
    pub k_range: Option<[usize; 2]>,
    /// How many customers the centroids are fitted on; all of them are scored.
    #[serde(default = "sample")]
    pub sample: usize,
    /// How many random starts are tried; the best is kept.
    #[serde(default = "starts")]
    pub starts: usize,
    /// Outliers are cut: values below this quantile, or above one minus it, are set to it.
    #[serde(default = "winsorise")]
    pub winsorise: f64,
    /// The share of the customers, 0 to 1, that the smallest segment of a chosen k has at least.
    #[serde(default = "smallest_share")]
    pub smallest_share: f64,
    /// What a feature is called in the names of segments: words for a low and a high value, or one for the feature;
    /// an empty word says nothing.
    #[serde(default)]
    pub names: BTreeMap<String, Words>,
    /// Customers who are a segment of their own by a rule, such as prospects: no others are compared with them. Of
    /// several rules that hold, the first counts.
    #[serde(default)]
    pub apart: Vec<ApartSection>,
}

/// A segment by a rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApartSection {
    /// What the segment is called.
    #[schemars(example = &"prospects: never bought")]
    pub name: String,
    /// SQL condition over the features: whose segment it is.
    #[serde(rename = "where")]
    #[schemars(example = &"orders_total = 0")]
    pub condition: String,
}

/// How many segments there are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentCount {
    Exactly(usize),
    /// Chosen from `low..=high` by [`super::choose_k`].
    Between(usize, usize),
}

/// `[segments.<name>]`, checked.
#[derive(Debug, Clone)]
pub struct SegmentParams {
    pub features: TableName,
    pub columns: Vec<FeatureColumn>,
    pub count: SegmentCount,
    pub sample: usize,
    pub starts: usize,
    pub winsorise: f64,
    pub smallest_share: f64,
    pub names: BTreeMap<String, Words>,
    pub apart: Vec<ApartSection>,
}

impl SegmentSection {
    /// Returns what segmentation works with. Does no I/O.
    ///
    /// # Errors
    /// All that is wrong with the section: its columns, `k` together with `k_range`, numbers out of their
    /// bounds, names of columns that the segments do not have.
    pub fn check(&self) -> Result<SegmentParams, Vec<Problem>> {
        let mut problems = Vec::new();
        check_columns(&self.columns, &mut problems);
        check_winsorise(self.winsorise, &mut problems);
        let count = match (self.k, self.k_range) {
            (Some(k), None) => {
                if !(1..=MOST_SEGMENTS).contains(&k) {
                    problems.push(Problem::new(["k"], too_many_segments(k)));
                }
                SegmentCount::Exactly(k)
            }
            (None, Some([low, high])) => {
                if low < 2 || high > MOST_SEGMENTS {
                    problems
                        .push(Problem::new(["k_range"], too_many_segments(if low < 2 { low } else { high })));
                } else if low > high {
                    problems.push(Problem::new(
                        ["k_range"],
                        Error::config(format!("the range [{low}, {high}] ends before it begins"))
                            .hint("write the smaller number first"),
                    ));
                }
                SegmentCount::Between(low, high)
            }
            (Some(_), Some(_)) => {
                problems.push(Problem::new(
                    ["k"],
                    Error::config("both `k` and `k_range` are given").hint("keep one of them"),
                ));
                SegmentCount::Exactly(1)
            }
            (None, None) => SegmentCount::Between(3, 8),
        };
        at_least("sample", self.sample, 100, &mut problems);
        at_least("starts", self.starts, 1, &mut problems);
        if !(0.0..0.5).contains(&self.smallest_share) {
            problems.push(Problem::new(
                ["smallest_share"],
                Error::config(format!(
                    "`smallest_share` is {}, a share from 0 to 0.5 was expected",
                    self.smallest_share
                )),
            ));
        }
        check_words(&self.names, &self.columns, "segments", &mut problems);
        check_apart(&self.apart, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(SegmentParams {
            features: self.features.clone(),
            columns: self.columns.clone(),
            count,
            sample: self.sample,
            starts: self.starts,
            winsorise: self.winsorise,
            smallest_share: self.smallest_share,
            names: self.names.clone(),
            apart: self.apart.clone(),
        })
    }
}

/// More segments than anybody can address one by one.
pub(super) const MOST_SEGMENTS: usize = 50;

fn check_apart(apart: &[ApartSection], problems: &mut Vec<Problem>) {
    for (index, section) in apart.iter().enumerate() {
        check_condition(&["apart", "where"], Some(&section.condition), problems);
        let wrong = if section.name.trim().is_empty() {
            "a segment that is set apart has no name".to_owned()
        } else if apart[..index].iter().any(|other| other.name == section.name) {
            format!("two segments are called \"{}\"", section.name)
        } else {
            continue;
        };
        let hint = "each has a name of its own, for example \"prospects: never bought\"";
        problems.push(Problem::new(["apart", "name"], Error::config(wrong).hint(hint)));
    }
}

fn too_many_segments(k: usize) -> Error {
    Error::config(format!("{k} segments were asked for, 2 to {MOST_SEGMENTS} were expected"))
}

fn sample() -> usize {
    100_000
}

fn starts() -> usize {
    3
}

fn smallest_share() -> f64 {
    0.02
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(text: &str) -> SegmentSection {
        toml::from_str(text).unwrap()
    }

    fn keys(problems: Vec<Problem>) -> Vec<String> {
        problems.iter().map(|p| p.key.join(".")).collect()
    }

    #[test]
    fn a_section_says_little_and_means_the_defaults() {
        let params = segments(
            r#"features = "mart.customer_features"
               columns = ["recency_days", { column = "net_amount", log = true }]
               k = 6"#,
        )
        .check()
        .unwrap();
        assert_eq!(params.count, SegmentCount::Exactly(6));
        assert_eq!((params.sample, params.starts, params.winsorise), (100_000, 3, 0.01));
        assert_eq!(params.columns.iter().map(|c| c.log).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let section = segments(
            r#"features = "mart.customer_features"
               columns = ["recency_days", "recency_days", "Bad"]
               k = 6
               k_range = [2, 4]
               winsorise = 0.7
               starts = 0
               names = { web = ["", "web"] }
               apart = [{ name = "new", where = "orders =" }, { name = "new", where = "orders = 0" }]"#,
        );
        assert_eq!(
            keys(section.check().unwrap_err()),
            ["columns", "columns", "winsorise", "k", "starts", "names.web", "apart.where", "apart.name"]
        );
    }

    #[test]
    fn an_unknown_key_is_refused_by_its_name() {
        let text = "features = \"a.b\"\ncolumns = [{ column = \"x\", logg = true }]\nk = 2";
        let error = toml::from_str::<SegmentSection>(text).unwrap_err();
        assert!(error.to_string().contains("logg"), "{error}");
    }
}
