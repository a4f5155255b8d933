//! Forecasts: what values and propensities promised on a rhythm, kept, and judged when its horizon ends.
//!
//! ```text
//! declaration  [forecasts], checked
//! promise      what every kind of promise says of itself: values, contracts and propensities keep their own
//! promises     tonight's values, summed by the month of the first purchase
//! judgement    what came within the horizons that are over
//! step         → core.forecasts, mart.forecast_accuracy
//! ```

mod declaration;
mod judgement;
mod promise;
mod promises;
mod step;

pub use declaration::{ForecastSection, Rhythm};
pub use promise::{ALL, DuePromises, FORECASTS, NINETY_FIVE, NO_PURCHASE, Promise, timestamp, vintage_sql};
pub use promises::{ValuesOfTonight, of_values};
pub use step::Forecasts;
