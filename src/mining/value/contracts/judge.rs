//! Whether a model of contracts keeps what it promises: fitted at a past cut-off, asked about the horizon after it, and
//! held against the renewals that came.

use arrow::datatypes::DataType;
use chrono::NaiveDate;
use chrono_tz::Tz;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, JoinType, cast, col, ident, lit};
use datafusion::prelude::DataFrame;

use super::declaration::ContractParams;
use super::frame::{self, columns};
use super::model::{ContractModel, Horizon};
use super::score::Expectations;
use crate::clock::Instant;
use crate::error::{Context, Result};
use crate::mining::KEY;
use crate::mining::matrix::{self, Key, Kinds, Matrix};
use crate::mining::value::track_record::{Judged, own_place};
use crate::warehouse::catalog::Catalog;

/// A contract that ran at a cut-off, and what is known of it at the end of the horizon.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    key: Key,
    group: Option<String>,
    start: NaiveDate,
    margin: f64,
    /// The renewal at which it ended by then; `None` while it runs.
    lasted: Option<u32>,
}

/// The columns of the matrix that [`read`] makes contracts of.
const READ: [&str; 5] = [columns::GROUP, "__start_day", columns::MARGIN, "__then_lasted", "__is_known"];

/// Returns the contracts that ran at a cut-off, a sample where there are many, with what was known of them at the end of
/// the horizon, and how many there were. `of_then` is the frame as of the cut-off, `tonight` holds the contracts of
/// tonight.
///
/// # Errors
/// Tables that cannot be read; a contract that stands there twice.
pub(super) async fn followed(
    params: &ContractParams,
    of_then: DataFrame,
    tonight: &Catalog,
    end: Instant,
    zone: Tz,
) -> Result<(Vec<Followed>, usize)> {
    let doing = "read what became of contracts";
    let later = frame::frame(params, tonight, end, zone).await?;
    let later = later
        .select(vec![
            ident(columns::CONTRACT).alias("__then"),
            ident(columns::LASTED).alias("__then_lasted"),
            lit(1_i64).alias("__is_known"),
        ])
        .doing(doing)?;
    let running = ident(columns::RENEWALS)
        .is_not_null()
        .and(ident(columns::LASTED).is_null())
        .and(ident(columns::START).is_not_null())
        .and(ident(columns::MARGIN).is_not_null());
    let days: Expr = cast(cast(ident(columns::START), DataType::Int32), DataType::Int64);
    let of_then = of_then
        .filter(running)
        .and_then(|running| {
            running.select(vec![
                ident(columns::CONTRACT).alias(KEY),
                ident(columns::GROUP),
                days.alias("__start_day"),
                ident(columns::MARGIN),
            ])
        })
        .doing(doing)?;
    let names: Vec<String> = READ.iter().map(|name| (*name).to_owned()).collect();
    let picked = std::iter::once(KEY).chain(READ).map(|name| col(Column::from_name(name)));
    let both = of_then
        .join(later, JoinType::Left, &[KEY], &["__then"], None)
        .and_then(|both| both.select(picked.collect::<Vec<_>>()))
        .doing(doing)?;
    let matrix = matrix::read_kinds(both, &names, params.sample, Kinds::NumbersAndTexts).await?;
    Ok((read(&matrix), matrix.seen))
}

fn read(matrix: &Matrix) -> Vec<Followed> {
    let groups = matrix.texts[0].as_deref().unwrap_or_default();
    let rows = matrix.values.rows().into_iter().zip(&matrix.keys);
    rows.filter_map(|(row, key)| {
        Some(Followed {
            key: key.clone(),
            group: (!row[0].is_nan()).then(|| groups.get(row[0] as usize).cloned()).flatten(),
            start: NaiveDate::from_epoch_days(row[1] as i32)?,
            margin: row[2],
            // What is not in the table any more brings nothing any more.
            lasted: match (row[3].is_nan(), row[4].is_nan()) {
                (false, _) => Some(row[3] as u32),
                (true, true) => Some(1),
                (true, false) => None,
            },
        })
    })
    .collect()
}

/// Holds a model against what came of the contracts that ran at the cut-off.
pub(super) fn judge(model: &ContractModel, followed: &[Followed], horizon: Horizon) -> Vec<Judged> {
    let mut expectations = Expectations::new();
    let mut of_one = |of: &Followed| {
        let next = horizon.of_days(model.period, of.start);
        let place = model.place(of.group.as_deref());
        let expectation = expectations
            .entry((place, next.renewed, next.ahead))
            .or_insert_with(|| model.expectation(place, next.renewed, next.ahead));
        let outlook = model.outlook(expectation, next.days_to_next, of.margin);
        let came = renewals_that_came(of.lasted, next.renewed, next.ahead);
        // That at least so many come.
        let at_least = |number: u32| match number {
            0 => 1.0,
            more => expectation.stays.get(more as usize - 1).copied().unwrap_or(0.0),
        };
        let (below, upto) = (1.0 - at_least(came), 1.0 - at_least(came + 1));
        let later_margin = of.margin * f64::from(came);
        Judged {
            key: of.key.clone(),
            group: of.group.clone(),
            vintage: of.start.format("%Y-%m").to_string(),
            purchases: outlook.renewals,
            margin: outlook.margin,
            variance: outlook.margin_sd * outlook.margin_sd,
            covered: outlook.margin_low <= later_margin && later_margin <= outlook.margin_high,
            transform: below + own_place(&of.key) * (upto - below),
            past_margin: of.margin * f64::from(next.renewed),
            later_purchases: f64::from(came),
            later_margin,
        }
    };
    followed.iter().map(&mut of_one).collect()
}

/// Returns how many of the renewals ahead a contract lived to see.
fn renewals_that_came(lasted: Option<u32>, renewed: u32, ahead: u32) -> u32 {
    match lasted {
        None => ahead,
        Some(lasted) => lasted.saturating_sub(1).saturating_sub(renewed).min(ahead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_before_a_renewal_is_not_renewed_by_it() {
        assert_eq!(renewals_that_came(None, 5, 12), 12);
        // It ended in the period after the fifth renewal.
        assert_eq!(renewals_that_came(Some(6), 5, 12), 0);
        assert_eq!(renewals_that_came(Some(8), 5, 12), 2);
        assert_eq!(renewals_that_came(Some(1), 5, 12), 0);
    }
}
