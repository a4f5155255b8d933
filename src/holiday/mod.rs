//! Public holidays by country: those that the whole country has.
//!
//! ```text
//! easter   the Sunday that others are counted from
//! country  what each country has
//! sql      public_holiday(day, country)
//! ```

mod country;
mod easter;
mod sql;

pub use sql::functions;
