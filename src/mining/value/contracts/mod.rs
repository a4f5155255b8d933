//! Contracts and subscriptions: how long they are renewed, and what the renewals will bring.
//!
//! ```text
//! declaration  contracts = { … } of [value.<name>], checked
//! period       months, quarters and years of a contract
//! frame        the table of contracts → one row each: renewals so far, whether it is over
//! shifted_beta_geometric  how long contracts are renewed
//! fit          all contracts, then each group → model
//! model        what is to come of a contract
//! score        the fitted model as a function of SQL
//! judge        renewals promised at past cut-offs against those that came
//! promise      what tonight's values promise, and what came of earlier promises
//! step         → mart.<name>_value, mart.<name>_value_accuracy
//! ```

pub(super) mod declaration;
mod fit;
mod frame;
mod judge;
mod model;
mod period;
mod promise;
mod score;
mod shifted_beta_geometric;
mod step;

pub use step::ContractValue;
