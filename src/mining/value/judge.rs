//! Whether a model keeps what it promises: fitted at a past cut-off, asked about the horizon after it, and held against
//! what came.

use super::customers::columns;
use super::history::History;
use super::model::ValueModel;
use super::score::Kept;
use super::track_record::{Judged, own_place};
use crate::mining::matrix::{Key, Matrix};

/// A customer of a cut-off, and what came within the horizon.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    pub key: Key,
    pub group: Option<String>,
    /// `None` of who had not bought.
    pub history: Option<History>,
    pub repeat_amount: f64,
    /// What all purchases until the cut-off were worth.
    pub amount: f64,
    pub later_purchases: f64,
    pub later_amount: f64,
}

/// Reads customers from a matrix with the columns of [`super::learning::READ`] and [`CAME`].
pub(super) fn followed(matrix: &Matrix) -> Vec<Followed> {
    let groups = matrix.texts[0].as_deref().unwrap_or_default();
    let rows = matrix.values.rows().into_iter().zip(&matrix.keys);
    rows.map(|(row, key)| Followed {
        key: key.clone(),
        group: (!row[0].is_nan()).then(|| groups.get(row[0] as usize).cloned()).flatten(),
        history: (!row[1].is_nan()).then(|| History {
            repeats: row[1] as u32,
            last_day: row[2] as u32,
            age_days: row[3] as u32,
        }),
        repeat_amount: row[4],
        amount: row[5],
        later_purchases: row[6],
        later_amount: row[7],
    })
    .collect()
}

/// The columns beside those of [`super::learning::READ`] that [`followed`] reads.
pub(super) const CAME: [&str; 2] = [columns::LATER_PURCHASES, columns::LATER_AMOUNT];

/// Holds a model against what came of the customers of a cut-off who had bought; `vintage` names the vintage of an age in
/// days.
pub(super) fn judge(
    model: &ValueModel,
    followed: &[Followed],
    vintage: impl Fn(u32) -> String,
) -> Vec<Judged> {
    let kept = Kept::default();
    followed.iter().filter_map(|of| judged(model, &kept, of, &vintage)).collect()
}

fn judged(
    model: &ValueModel,
    kept: &Kept,
    of: &Followed,
    vintage: &impl Fn(u32) -> String,
) -> Option<Judged> {
    let history = of.history?;
    let place = model.place(of.group.as_deref());
    let group = model.group(place);
    let expectation = kept.expectation(model, place, history);
    let outlook = model.outlook(group, &expectation, history, of.repeat_amount, 0.0);
    let margin = model.margin(group, &expectation, history, of.repeat_amount);
    let random = own_place(&of.key);
    let transform = match margin {
        Some(margin) if of.later_amount <= 0.0 => random * margin.nothing(),
        Some(margin) => margin.cumulative(of.later_amount),
        None => random,
    };
    Some(Judged {
        key: of.key.clone(),
        group: of.group.clone(),
        vintage: vintage(history.age_days),
        purchases: outlook.purchases,
        margin: outlook.margin,
        variance: margin.map_or(0.0, |margin| margin.variance()),
        covered: outlook.margin_low <= of.later_amount.max(0.0) && of.later_amount <= outlook.margin_high,
        transform,
        past_margin: of.amount,
        later_purchases: of.later_purchases,
        later_margin: of.later_amount,
    })
}
