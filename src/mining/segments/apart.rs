//! Customers who are a segment by a rule: they are compared with nobody, and nobody with them.
//!
//! Their segments are numbered behind all that k-means may find, so that they keep their numbers whatever the
//! number of the others.

use datafusion::logical_expr::{Expr, lit, not, when};
use datafusion::prelude::DataFrame;

use super::declaration::{ApartSection, MOST_SEGMENTS};
use crate::error::{Context, Result};
use crate::mining::condition;

/// Returns the number and the name of each, in the order declared.
pub(super) fn numbered(apart: &[ApartSection]) -> impl Iterator<Item = (i64, &str)> {
    (MOST_SEGMENTS as i64 + 1..).zip(apart).map(|(id, section)| (id, section.name.as_str()))
}

/// Returns the customers for whom no rule holds.
///
/// # Errors
/// A rule that does not fit the features.
pub(super) fn others(apart: &[ApartSection], features: DataFrame) -> Result<DataFrame> {
    let mut others = features.clone();
    for section in apart {
        let holds = holds(section, &features)?;
        others = others.filter(not(holds)).doing("leave out the customers who are set apart")?;
    }
    Ok(others)
}

/// Returns the number of the first rule that holds for a customer, null where none does; `None` without rules.
///
/// # Errors
/// A rule that does not fit the features.
pub(super) fn segment_id(apart: &[ApartSection], features: &DataFrame) -> Result<Option<Expr>> {
    let mut cases = Vec::new();
    for ((id, _), section) in numbered(apart).zip(apart) {
        cases.push((holds(section, features)?, lit(id)));
    }
    let mut cases = cases.into_iter();
    let Some((first, id)) = cases.next() else { return Ok(None) };
    let case = cases.fold(when(first, id), |mut case, (holds, id)| case.when(holds, id));
    case.end().doing("write the segments that are set apart as SQL").map(Some)
}

fn holds(section: &ApartSection, features: &DataFrame) -> Result<Expr> {
    let what = format!("the segment \"{}\"", section.name);
    Ok(condition::over(features, &section.condition, &what)?.is_true())
}
