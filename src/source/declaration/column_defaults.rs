//! Settings that all columns of a source share.

use std::sync::Arc;

use chrono_tz::Tz;

use crate::source::contract::column::Style;
use crate::source::value::number::NumberStyle;
use crate::source::value::time_format::TimeFormat;
use crate::source::value::zone::WholeDay;

pub(super) const YES: [&str; 7] = ["true", "1", "oui", "yes", "vrai", "t", "y"];
pub(super) const NO: [&str; 7] = ["false", "0", "non", "no", "faux", "f", "n"];

/// What all columns of a source share.
pub(super) struct Shared {
    pub zone: Tz,
    pub number: NumberStyle,
    pub last_short_year: Option<i64>,
    pub abbreviations: Vec<(String, i64)>,
    pub nulls: Vec<Box<[u8]>>,
    pub may_escape: bool,
}

impl Shared {
    pub fn usual(&self) -> Arc<Style> {
        Arc::new(Style {
            nulls: self.nulls.clone(),
            number: self.number.clone(),
            time: TimeFormat::Iso,
            format: None,
            zone: self.zone,
            whole_day: WholeDay::default(),
            may_escape: self.may_escape,
            yes: YES.map(str::to_owned).to_vec(),
            no: NO.map(str::to_owned).to_vec(),
        })
    }
}
