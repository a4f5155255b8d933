//! Value: what each customer, or each contract, will bring within a horizon, with an interval and a track record.
//!
//! ```text
//! declaration   [value.<name>], checked
//! customers     purchases and customers → one row per customer
//! history       how often, when first, when last
//! learning      every history and the amounts of a sample, read once
//! bg_nbd, pareto_nbd  how customers buy and leave
//! gamma_gamma   what a purchase is worth
//! prospects     who has not bought yet
//! optimum       the greatest likelihood, verified    (quadrature, hypergeometric: what it needs)
//! fit           all customers, then each group       → model
//! future        purchases to come; margin: what they bring, as a distribution
//! score         the fitted model as a function of SQL
//! judge         promises of past cut-offs against what came → track_record → accuracy
//! promise       what tonight's values promise, and what came of earlier promises
//! step          → mart.<name>_value, mart.<name>_value_accuracy
//! contracts     the same of contracts that are renewed
//! ```

mod accuracy;
mod bg_nbd;
mod contracts;
mod customers;
mod declaration;
mod fit;
mod future;
mod gamma_gamma;
mod groups;
mod history;
mod hypergeometric;
mod judge;
mod learning;
mod margin;
mod model;
mod optimum;
mod pareto_nbd;
mod promise;
mod prospects;
mod quadrature;
mod score;
mod step;
mod track_record;

pub use contracts::ContractValue;
pub use contracts::declaration::ContractParams;
pub use declaration::{DeclaredValue, ValueParams, ValueSection};
pub use step::Value;
