//! Values read from text without rounding: numbers, dates, times and zones, and why one does not fit.

pub mod calendar;
pub mod fault;
pub mod number;
pub mod strftime;
pub mod time_field;
pub mod time_format;
pub mod time_parts;
pub mod time_plan;
pub mod zone;
