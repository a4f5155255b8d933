//! Rows built from values: typed columns of the accepted ones, quarantine and remarks for the others.

pub mod decoder;
pub mod fault_reason;
pub mod field_stretch;
pub mod field_text;
pub mod place;
pub mod quarantine;
pub mod record_span;
pub mod remark;
pub mod rows;
pub mod suspicious_value;
pub mod tally;
pub mod unnest;
