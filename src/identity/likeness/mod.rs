//! Similarity of two standardised values: the measures that comparison levels use.

mod slips;

use datafusion::logical_expr::ScalarUDF;
use rapidfuzz::distance::{damerau_levenshtein, jaro_winkler};
use twox_hash::XxHash64;

use self::slips::{mailbox_slips, slips};
use crate::identity::sql_function::{distance, measure, relation, whole_of_text};
use crate::identity::standardise::{calendar_date, formal_name};

/// `jaro_winkler(a, b)` 0 to 1 (Winkler 1990), `damerau_levenshtein(a, b)` edits, `slips(a, b)` the same up
/// to 3, `mailbox_slips(a, b)` of two e-mail addresses, `days_between(a, b)` of two dates of birth,
/// `day_month_swapped(a, b)`, `shares_word(a, b)`, `initial_of(a, b)`, `short_form_of(a, b)`; and
/// `block_key(text)`, a hash to join on.
pub fn functions() -> Vec<ScalarUDF> {
    vec![
        measure("jaro_winkler", jaro_winkler_similarity),
        distance("damerau_levenshtein", |a, b| {
            i64::try_from(damerau_levenshtein::distance(a.chars(), b.chars())).ok()
        }),
        distance("slips", |a, b| Some(slips(a, b).into())),
        distance("mailbox_slips", |a, b| Some(mailbox_slips(a, b).into())),
        distance("days_between", days_between),
        relation("day_month_swapped", day_month_swapped),
        relation("shares_word", shares_word),
        relation("initial_of", initial_of),
        relation("short_form_of", short_form_of),
        whole_of_text("block_key", block_key),
    ]
}

pub(super) fn jaro_winkler_similarity(a: &str, b: &str) -> f64 {
    if a == b {
        1.0
    } else if a.is_ascii() && b.is_ascii() {
        // The same, without decoding.
        jaro_winkler::normalized_similarity(a.bytes(), b.bytes())
    } else {
        jaro_winkler::normalized_similarity(a.chars(), b.chars())
    }
}

/// Days between two standard dates of birth; `None` when one of them is not a day.
pub(super) fn days_between(a: &str, b: &str) -> Option<i64> {
    Some(calendar_date(a)?.signed_duration_since(calendar_date(b)?).num_days().abs())
}

/// `19800412` and `19801204`.
fn day_month_swapped(a: &str, b: &str) -> bool {
    fn cut(date: &str) -> Option<(&str, &str, &str)> {
        Some((date.get(..4)?, date.get(4..6)?, date.get(6..8)?))
    }
    match (cut(a), cut(b)) {
        (Some((year, month, day)), Some((other_year, other_month, other_day))) => {
            year == other_year && month == other_day && day == other_month && month != day
        }
        _ => false,
    }
}

/// Returns whether both share a word of three letters or more, such as one part of a double name.
pub fn shares_word(a: &str, b: &str) -> bool {
    a.split(' ').any(|word| word.chars().count() >= 3 && b.split(' ').any(|other| other == word))
}

/// Returns whether one is the initial of the other.
pub(super) fn initial_of(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    short.chars().count() == 1 && long.starts_with(short)
}

/// Returns whether both first names mean one name: Bob and Robert, or one is the beginning of the other.
pub(super) fn short_form_of(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    (short.len() >= 3 && long.starts_with(short)) || formal_name(a) == formal_name(b)
}

/// XXH64 without its sign: never below zero. Keys that meet by chance only cause a comparison that finds
/// nothing alike.
fn block_key(text: &str) -> i64 {
    (XxHash64::oneshot(0, text.as_bytes()) >> 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jaro_winkler_as_published() {
        // Winkler 1990, table of examples.
        for (a, b, expected) in
            [("dwayne", "duane", 0.84), ("martha", "marhta", 0.9611), ("dixon", "dicksonx", 0.8133)]
        {
            assert!((jaro_winkler_similarity(a, b) - expected).abs() < 1e-4, "{a} {b}");
        }
        assert_eq!(jaro_winkler_similarity("ada", "ada"), 1.0);
        assert_eq!(jaro_winkler_similarity("ada", "xyz"), 0.0);
        // An accent that was left is one character, not two bytes.
        assert_eq!(jaro_winkler_similarity("мария", "марта"), jaro_winkler_similarity("marij", "marta"));
    }

    #[test]
    fn dates_are_as_far_apart_as_their_days() {
        assert_eq!(days_between("19800401", "19800331"), Some(1));
        assert_eq!(days_between("19801301", "19800331"), None);
        assert!(day_month_swapped("19800412", "19801204"));
        assert!(!day_month_swapped("19800404", "19800404"));
    }

    #[test]
    fn a_name_may_be_cut_short() {
        assert!(initial_of("j", "jean") && !initial_of("j", "anne"));
        assert!(short_form_of("bob", "robert") && short_form_of("alex", "alexandra"));
        assert!(!short_form_of("jo", "joseph") || formal_name("jo") == "joseph");
        assert!(shares_word("martin dupont", "dupont") && !shares_word("de la", "la de"));
    }
}
