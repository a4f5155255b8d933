//! SQL literals for an instant and a day.

use chrono::NaiveDate;
use datafusion::common::ScalarValue;

use crate::clock::Instant;

/// Returns an instant as SQL sees it: TIMESTAMP, microseconds, UTC.
pub fn instant_value(instant: Instant) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(instant.timestamp_micros()), Some("UTC".into()))
}

/// Returns a day as SQL sees it.
pub(super) fn date_value(day: NaiveDate) -> ScalarValue {
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    // chrono's dates are within ±100 million days.
    ScalarValue::Date32(i32::try_from(days).ok())
}
