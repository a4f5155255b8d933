//! What was perhaps meant by a name that is not known: the known names nearest to it.
//!
//! The one place that says "did you mean". A hint names at most three candidates; where none is near, the
//! caller lists what there is, or says how to see it.

use rapidfuzz::distance::osa;

/// How many candidates a hint names.
const MOST: usize = 3;
/// How many names are listed where none of them is near.
const LISTED: usize = 12;

/// Returns "did you mean `a`?", "… `a` or `b`?"; `None` where no known name is near.
pub fn did_you_mean<'k>(meant: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let near = nearest(meant, known);
    (!near.is_empty()).then(|| format!("did you mean {}?", either(&near)))
}

/// Returns "did you mean `a`?", else `listed` before the known names, as many as are read at a glance.
pub fn did_you_mean_or_list<'k>(
    meant: &str,
    known: impl IntoIterator<Item = &'k str> + Clone,
    listed: &str,
) -> String {
    did_you_mean(meant, known.clone()).unwrap_or_else(|| list(known, listed))
}

fn list<'k>(known: impl IntoIterator<Item = &'k str>, listed: &str) -> String {
    let all: Vec<&str> = known.into_iter().collect();
    let shown = all[..all.len().min(LISTED)].join(", ");
    match all.len().saturating_sub(LISTED) {
        0 => format!("{listed} {shown}"),
        more => format!("{listed} {shown} and {more} more"),
    }
}

/// Returns the known names nearest to one that is not known, the nearest first.
pub fn nearest<'k>(meant: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|known| *known != meant)
        .filter_map(|known| Some((distance(meant, known)?, known)))
        .collect();
    found.sort_unstable();
    found.dedup();
    // What is much farther than the nearest was hardly meant.
    let nearest = found.first().map_or(0, |(distance, _)| *distance);
    found
        .into_iter()
        .filter(|(distance, _)| *distance <= nearest + 1)
        .map(|(_, name)| name)
        .take(MOST)
        .collect()
}

/// How far a known name is from what was written; `None` where it is too far to have been meant.
fn distance(meant: &str, known: &str) -> Option<usize> {
    let plain = |name: &str| name.replace('"', "").to_lowercase();
    let (meant, known) = (plain(meant), plain(known));
    if meant == known {
        return Some(0);
    }
    // `core.orders` for `raw.orders`, `mart.segments` for `segments`.
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    if !last(&meant).is_empty() && last(&meant) == last(&known) {
        return Some(1);
    }
    // `segment` for `segment_id`.
    let begins = |short: &str, long: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('_'));
    if meant.len() > 2 && (begins(&meant, &known) || begins(&known, &meant)) {
        return Some(2);
    }
    // Whoever named no schema meant any.
    let compared = if meant.contains('.') { known.clone() } else { last(&known) };
    let whole = osa::distance(meant.chars(), compared.chars());
    // Of `raw.order` the part before the dot says nothing of how near `raw.orders` is.
    let (short, long) = {
        let lengths = [last(&meant), last(&known)].map(|name| name.chars().count());
        (lengths[0].min(lengths[1]), lengths[0].max(lengths[1]))
    };
    let most = (long / 3).clamp(1, 4).min(short.saturating_sub(1));
    (whole <= most).then_some(whole)
}

/// `a`, `b` or `c`, each between backquotes.
fn either(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: [&str; 6] = [
        "core.orders",
        "mart.customer_360",
        "mart.segment_profiles",
        "mart.segments",
        "raw.orders",
        "raw.people",
    ];

    #[test]
    fn a_slip_of_the_finger_is_near() {
        let near = |meant: &str| nearest(meant, TABLES);
        assert_eq!(near("mart.segmens"), ["mart.segments"]);
        assert_eq!(near("mart.segment"), ["mart.segments", "mart.segment_profiles"]);
        assert_eq!(near("raw.order"), ["raw.orders"]);
        assert_eq!(near("segments"), ["mart.segments"]);
        assert_eq!(near("segmens"), ["mart.segments"]);
        assert_eq!(near("channel.orders"), ["core.orders", "raw.orders"]);
        assert_eq!(near("mart.customer"), ["mart.customer_360"]);
        assert!(near("mart.churn").is_empty() && near("x").is_empty() && near("").is_empty());
    }

    #[test]
    fn two_letters_that_changed_places_are_one_slip() {
        assert_eq!(nearest("kind:modle", ["kind:model", "kind:ingest"]), ["kind:model"]);
        assert_eq!(nearest("seed", ["send", "warehouse"]), ["send"]);
    }

    #[test]
    fn what_was_meant_is_asked_and_otherwise_listed() {
        assert_eq!(did_you_mean("delimeter", ["delimiter", "decimal"]).unwrap(), "did you mean `delimiter`?");
        assert_eq!(
            did_you_mean("segment", ["segment_id", "segment_name"]).unwrap(),
            "did you mean `segment_id` or `segment_name`?"
        );
        assert_eq!(did_you_mean_or_list("zzz", ["a", "b"], "its columns are"), "its columns are a, b");
        let many: Vec<String> = (10..40).map(|n| format!("column_{n}")).collect();
        let listed = did_you_mean_or_list("zzz", many.iter().map(String::as_str), "its columns are");
        assert!(listed.ends_with("column_21 and 18 more"), "{listed}");
    }
}
