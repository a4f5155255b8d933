//! Forecasts: what the values promised on a rhythm, kept, and judged when its horizon ends.
//!
//! ```text
//! declaration  [forecasts], checked
//! promised_value  which purchases, how far ahead
//! promises     tonight's values, summed by the month of the first purchase
//! judgement    what came within the horizons that are over
//! step         → core.forecasts, mart.forecast_accuracy
//! ```

mod declaration;
mod judgement;
mod promised_value;
mod promises;
mod step;

pub use declaration::{ForecastSection, Rhythm};
pub use promised_value::ForecastOf;
pub use step::Forecasts;
