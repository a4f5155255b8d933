//! Uplift as a whole: what is learnt from campaigns, and the planted truth of the demo.

mod fits;
mod scores;
mod trial;

use chrono::TimeDelta;
use ndarray::Array2;

use super::declaration::{UpliftParams, UpliftSection};
use super::fit::Campaign;
use super::learner::Trials;
use crate::clock::Instant;
use crate::demo::experiment::{COLUMNS, Row, letters};
use crate::mining::matrix::{Key, Matrix};

/// What the demo's letters are learnt with: margin and cost in euros.
fn params() -> UpliftParams {
    let section: UpliftSection = toml::from_str(
        r#"features = "mart.customer_features"
           columns = [
             { column = "recency_days", log = true }, { column = "orders_365d", log = true },
             { column = "orders_90d", log = true }, { column = "orders_90_180d", log = true },
             "discount_share", "incidents_90d", { column = "emails_opened_90d", log = true },
             { column = "tenure_days", log = true },
           ]
           contacts = { table = "core.contacts", campaign = "campaign_id", treated = "not is_control" }
           outcome = { event = "core.orders", window_days = 32 }
           margin = 20.0
           cost = 1.2"#,
    )
    .unwrap();
    section.check().unwrap()
}

/// The demo's letters to so many persons, the oldest first; each outcome is what `outcome` says of a person.
fn campaigns(rows: &[Vec<Row>], outcome: impl Fn(&Row) -> bool) -> Vec<Campaign> {
    let campaign = |(number, rows): (usize, &Vec<Row>)| {
        let at = Instant::UNIX_EPOCH + TimeDelta::days(100 * number as i64);
        let treated: Vec<bool> = rows.iter().map(|row| row.treated).collect();
        let share = treated.iter().filter(|treated| **treated).count() as f64 / treated.len() as f64;
        let features = Matrix {
            columns: COLUMNS.map(str::to_owned).into(),
            keys: rows.iter().map(|row| Key::Number(row.person as i64)).collect(),
            values: Array2::from_shape_fn((rows.len(), COLUMNS.len()), |(row, column)| {
                rows[row].seen[column]
            }),
            texts: vec![None; COLUMNS.len()],
            seen: rows.len(),
        };
        let outcomes = rows.iter().map(&outcome).collect();
        let trials = Trials { features, outcomes, treated_share: vec![share; treated.len()], treated };
        Campaign { name: format!("L{}", number + 1), at, known_at: at + TimeDelta::days(32), trials }
    };
    rows.iter().enumerate().map(campaign).collect()
}

/// The letters as they were lived.
fn lived(seed: u64, persons: u64) -> Vec<Campaign> {
    campaigns(&letters(seed, persons), |row| row.bought)
}
