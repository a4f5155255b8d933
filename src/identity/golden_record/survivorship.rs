//! Survivorship: which of a customer's records gives the value of an attribute. Pure.

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

/// How one record goes before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// By the place of its source in `trust`.
    MostTrusted,
    /// By `seen_at`; a record without it comes last.
    MostRecent,
    /// The value that most of the customer's records have.
    MostFrequent,
    /// The value with the most letters.
    Longest,
}

impl Rule {
    pub const ALL: [(&'static str, Rule); 4] = [
        ("most_trusted", Rule::MostTrusted),
        ("most_recent", Rule::MostRecent),
        ("most_frequent", Rule::MostFrequent),
        ("longest", Rule::Longest),
    ];

    pub fn named(word: &str) -> Option<Rule> {
        Rule::ALL.iter().find(|(name, _)| *name == word).map(|(_, rule)| *rule)
    }
}

/// The value of an attribute in one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordValue<'a> {
    pub source: &'a str,
    pub record_id: &'a str,
    /// The place of its source among the trusted: 0 is trusted most.
    pub trust: i64,
    /// Microseconds since 1970.
    pub seen: Option<i64>,
    /// The value in standardised form: equal if two records have the same value.
    pub spelling: Cow<'a, str>,
    /// Whether it says all that the attribute needs: who gives a whole address goes before who gives a
    /// postcode.
    pub whole: bool,
}

/// Returns the index of the surviving record; `None` if no record has a value.
///
/// What is whole goes first, then each rule breaks the ties that the rules before it left, at last
/// `source` and `record_id` do. So the order in which the records come changes nothing.
pub(super) fn survivor(values: &[RecordValue], rules: &[Rule]) -> Option<usize> {
    let mut times: HashMap<&str, u64> = HashMap::new();
    if rules.contains(&Rule::MostFrequent) {
        for record in values {
            *times.entry(&record.spelling).or_default() += 1;
        }
    }
    let by_rule = |a: &RecordValue, b: &RecordValue, rule: &Rule| match rule {
        Rule::MostTrusted => a.trust.cmp(&b.trust),
        Rule::MostRecent => b.seen.cmp(&a.seen),
        Rule::MostFrequent => times.get(b.spelling.as_ref()).cmp(&times.get(a.spelling.as_ref())),
        Rule::Longest => Reverse(letters(&a.spelling)).cmp(&Reverse(letters(&b.spelling))),
    };
    let order = |a: &RecordValue, b: &RecordValue| {
        let decided = rules.iter().fold(b.whole.cmp(&a.whole), |so_far, rule| {
            if so_far == Ordering::Equal { by_rule(a, b, rule) } else { so_far }
        });
        decided.then_with(|| (a.source, a.record_id).cmp(&(b.source, b.record_id)))
    };
    (0..values.len()).min_by(|a, b| order(&values[*a], &values[*b]))
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Source, trust, seen, what it says.
    fn records<'a>(values: &[(&'a str, i64, i64, &'a str)]) -> Vec<RecordValue<'a>> {
        values
            .iter()
            .map(|(source, trust, seen, text)| RecordValue {
                source,
                record_id: "1",
                trust: *trust,
                seen: Some(*seen),
                spelling: Cow::Borrowed(text),
                whole: true,
            })
            .collect()
    }

    fn survives(values: &[RecordValue], rules: &[Rule]) -> String {
        survivor(values, rules).map(|n| values[n].spelling.to_string()).unwrap_or_default()
    }

    #[test]
    fn each_rule_has_its_own_survivor() {
        let values = records(&[
            ("card", 0, 1, "ada"),
            ("web", 1, 2, "adelaide"),
            ("call", 2, 3, "a"),
            ("form", 3, 0, "adele"),
            ("form2", 4, 0, "adele"),
        ]);
        assert_eq!(survives(&values, &[Rule::MostTrusted]), "ada");
        assert_eq!(survives(&values, &[Rule::MostRecent]), "a");
        assert_eq!(survives(&values, &[Rule::MostFrequent]), "adele");
        assert_eq!(survives(&values, &[Rule::Longest]), "adelaide");
    }

    #[test]
    fn a_rule_decides_only_what_those_before_it_left_open() {
        let values = records(&[("a", 1, 1, "old"), ("b", 1, 2, "new"), ("c", 2, 3, "newest, less trusted")]);
        assert_eq!(survives(&values, &[Rule::MostTrusted, Rule::MostRecent]), "new");
        assert_eq!(survives(&values, &[Rule::MostRecent, Rule::MostTrusted]), "newest, less trusted");
        // Without a rule the smallest record counts.
        assert_eq!(survives(&values, &[]), "old");
    }

    #[test]
    fn what_is_whole_goes_before_a_part_that_is_newer() {
        let mut values = records(&[("card", 0, 1, "12 rue haute, 75003"), ("form", 1, 9, "75011")]);
        values[1].whole = false;
        assert_eq!(survives(&values, &[Rule::MostRecent]), "12 rue haute, 75003");
    }

    #[test]
    fn who_never_said_when_comes_after_who_did() {
        let mut values = records(&[("a", 0, 0, "undated"), ("b", 0, -5, "dated")]);
        values[0].seen = None;
        assert_eq!(survives(&values, &[Rule::MostRecent]), "dated");
        assert_eq!(survivor(&[], &[Rule::MostRecent]), None);
    }

    fn record() -> impl Strategy<Value = (u8, u8, Option<i64>, String, bool)> {
        (0..4_u8, 0..5_u8, prop::option::of(0..4_i64), "[ab]{1,3}", any::<bool>())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_order_of_the_records_changes_nothing(
            mut drawn in prop::collection::vec(record(), 1..8),
            rules in prop::collection::vec(prop::sample::select(Rule::ALL.to_vec()), 0..4),
            turns in 0..8_usize,
        ) {
            // A record comes once.
            drawn.sort_by_key(|r| (r.0, r.1));
            drawn.dedup_by_key(|r| (r.0, r.1));
            let names: Vec<_> = drawn.iter().map(|r| (r.0.to_string(), r.1.to_string())).collect();
            let mut values: Vec<RecordValue> = drawn
                .iter()
                .zip(&names)
                .map(|((source, _, seen, text, whole), (name, id))| RecordValue {
                    source: name,
                    record_id: id,
                    trust: i64::from(source % 2),
                    seen: *seen,
                    spelling: Cow::Borrowed(text),
                    whole: *whole,
                })
                .collect();
            let rules: Vec<Rule> = rules.into_iter().map(|(_, rule)| rule).collect();
            let survivor_of = |values: &[RecordValue]| survivor(values, &rules).map(|n| (values[n].source.to_owned(), values[n].record_id.to_owned()));
            let straight = survivor_of(&values);
            let turns = turns % values.len();
            values.rotate_left(turns);
            prop_assert_eq!(&straight, &survivor_of(&values));
            values.reverse();
            prop_assert_eq!(&straight, &survivor_of(&values));
        }
    }
}
