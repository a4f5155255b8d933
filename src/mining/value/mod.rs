//! Value: what each customer will bring within a horizon, with an interval and a track record.
//!
//! ```text
//! declaration   [value.<name>], checked
//! customers     purchases and customers → one row per customer
//! history       how often, when first, when last
//! bg_nbd, pareto_nbd  how customers buy and leave
//! gamma_gamma   what a purchase is worth
//! prospects     who has not bought yet
//! optimum       the greatest likelihood, verified    (quadrature, hypergeometric: what it needs)
//! fit           all customers, then each group       → model
//! future        purchases to come; margin: what they bring, as a distribution
//! score         the fitted model as a function of SQL
//! judge         promises of past cut-offs against what came → accuracy
//! step          → mart.<name>_value, mart.<name>_value_accuracy
//! ```

mod accuracy;
mod bg_nbd;
mod customers;
mod declaration;
mod fit;
mod future;
mod gamma_gamma;
mod history;
mod hypergeometric;
mod judge;
mod margin;
mod model;
mod optimum;
mod pareto_nbd;
mod prospects;
mod quadrature;
mod score;
mod step;

pub use declaration::{ValueParams, ValueSection};
pub use step::Value;
