//! `[source_defaults]` of a pipeline file: what its sources have in common, said once.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::SourceDeclaration;
use crate::source::contract::expectation::ExpectDeclaration;
use crate::source::contract::policy::{OnDrift, Undated};
use crate::source::file::csv::ragged::Ragged;
use crate::source::file::delivery::FreshnessDeclaration;
use crate::source::file::format::Format;

macro_rules! source_defaults {
    ($($(#[$doc:meta])* $key:ident: $type:ty,)*) => {
        /// What the sources have in common. A source that says a key itself has its own value; a key that
        /// the format of a source does not have is ignored for it.
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct SourceDefaults {
            $($(#[$doc])* pub $key: Option<$type>,)*
        }

        impl SourceDeclaration {
            /// Takes what the source does not say itself from the defaults; returns the keys that came from there.
            pub fn inherit(&mut self, defaults: &SourceDefaults) -> Vec<&'static str> {
                let mut inherited = Vec::new();
                // The first key is the format, on which the others depend.
                $(
                    let key = stringify!($key);
                    if self.$key.is_none() && defaults.$key.is_some() && self.format().knows(key) {
                        self.$key.clone_from(&defaults.$key);
                        inherited.push(key);
                    }
                )*
                inherited
            }
        }
    };
}

source_defaults! {
    /// How the files are written.
    format: Format,
    /// Where local times were written, and local days are counted.
    timezone: String,
    /// The share of refused records, 0 to 1, that a run accepts.
    tolerance: f64,
    /// Whether there may be no file at all.
    optional: bool,
    /// What happens to a file whose columns are not the declared ones.
    on_drift: OnDrift,
    /// What happens to rows without the time that the source declares.
    undated: Undated,
    /// How often a file is expected.
    expect: ExpectDeclaration,
    /// How old the newest file may be.
    freshness: FreshnessDeclaration,
    /// Texts that mean "no value".
    null: Vec<String>,
    /// The decimal mark, `.` or `,`.
    decimal: String,
    /// The sign between groups of three digits.
    thousands: String,
    /// The currency sign or code before or after a number.
    currency: String,
    /// The last of the hundred years that two digits name.
    two_digit_years_to: i64,
    /// What abbreviations of zones stand for: `{ PST = "-08:00" }`.
    zone_abbreviations: BTreeMap<String, String>,
    /// The sign between fields.
    delimiter: String,
    /// The sign around fields.
    quote: String,
    /// What makes the character after it a part of the value.
    escape: String,
    /// Whether the first record names the columns.
    header: bool,
    /// The sign with which lines begin that are not records.
    comment: String,
    /// The encoding of the text.
    encoding: String,
    /// Whether bytes that contradict the encoding stop the source.
    encoding_check: bool,
    /// How many lines stand before the header.
    skip_lines: usize,
    /// How many lines stand after the last record.
    footer_lines: usize,
    /// Whether cells may be missing at the end of a record.
    ragged: Ragged,
}
