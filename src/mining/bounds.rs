//! What the sections of several methods have in common: their numbers, the bounds of these, and names of columns.

use crate::config::Problem;
use crate::error::Error;
use crate::name::is_identifier;

pub(super) fn at_least(key: &str, found: usize, least: usize, problems: &mut Vec<Problem>) {
    if found < least {
        problems.push(Problem::new(
            [key],
            Error::config(format!("`{key}` is {found}, at least {least} was expected")),
        ));
    }
}

pub(super) fn check_winsorise(share: f64, problems: &mut Vec<Problem>) {
    if !(0.0..0.5).contains(&share) {
        problems.push(Problem::new(
            ["winsorise"],
            Error::config(format!("`winsorise` is {share}, a share from 0 to 0.5 was expected"))
                .hint("0.01 draws values in to the 1st and the 99th percentile"),
        ));
    }
}

pub(super) fn check_alpha(alpha: f64, problems: &mut Vec<Problem>) {
    if !(alpha.is_finite() && alpha > 0.0) {
        problems.push(Problem::new(
            ["alpha"],
            Error::config(format!("`alpha` is {alpha}, a number above 0 was expected"))
                .hint("1 is scikit-learn's default; a tiny one such as 1e-6 hardly penalises"),
        ));
    }
}

pub(super) fn check_level_floor(share: f64, problems: &mut Vec<Problem>) {
    if !(0.0..0.5).contains(&share) {
        problems.push(Problem::new(
            ["level_floor"],
            Error::config(format!("`level_floor` is {share}, a share from 0 to 0.5 was expected"))
                .hint("0.01 takes the levels together that fewer than 1 in 100 customers have"),
        ));
    }
}

/// Refuses what cannot be the name of a column.
pub(super) fn check_column_name(key: &[&str], column: &str, problems: &mut Vec<Problem>) {
    if !is_identifier(column) {
        problems.push(Problem::new(
            key.iter().copied(),
            Error::config(format!("`{column}` is not a column name"))
                .hint("write it in lower-case letters, digits and underscores"),
        ));
    }
}

/// Refuses keys that say nothing where they stand; `why` says of what they are.
pub(super) fn refuse_keys(of: &str, keys: &[(&str, bool)], why: &str, problems: &mut Vec<Problem>) {
    for (key, _) in keys.iter().filter(|(_, is_given)| *is_given) {
        problems.push(Problem::new(
            [of, *key],
            Error::config(format!("`{key}` is {why}")).hint(format!("take `{key}` out")),
        ));
    }
}

pub(super) fn winsorise() -> f64 {
    0.01
}

pub(super) fn sample() -> usize {
    200_000
}

pub(super) fn level_floor() -> f64 {
    0.01
}

pub(super) fn alpha() -> f64 {
    1.0
}

pub(super) fn min_positives() -> usize {
    20
}
