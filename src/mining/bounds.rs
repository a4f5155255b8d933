//! Bounds that the sections of several methods keep: least numbers, and the share drawn in at the ends.

use crate::config::Problem;
use crate::error::Error;

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

pub(super) fn winsorise() -> f64 {
    0.01
}
