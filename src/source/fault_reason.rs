//! Why a value was refused, in words: what was expected and what was found, never the value.

use std::fmt::Write;

use super::column::Column;
use super::fault::Fault;

impl Fault {
    /// The reason as the quarantine keeps it; `found` describes the value without telling it.
    pub fn reason(self, column: &Column, found: &str) -> String {
        let expected = column.expected();
        match self {
            Fault::Shape => format!("expected {expected}, found {found}"),
            Fault::Range => format!("expected {expected}, found a number beyond its range"),
            Fault::Places => {
                format!("expected {expected}, found a number with more decimal places")
            }
            Fault::Inexact => {
                format!("expected {expected}, found a floating-point number too large to be exact")
            }
            Fault::Fraction => format!("expected {expected}, found a number with a fraction"),
            Fault::Exponent => format!(
                "expected {expected}, found a number with an exponent, as spreadsheets write long ones when they \
                 cut their digits"
            ),
            Fault::Abbreviation => format!(
                "expected {expected}, found the abbreviation of a zone, which stands for no one offset; \
                 zone_abbreviations says for which"
            ),
            Fault::Calendar => {
                format!("expected {expected}, found a day or time that no calendar has")
            }
            Fault::Gap => format!(
                "expected {expected}, found a local time that {} skipped when its clocks went forward",
                column.time_zone()
            ),
            Fault::Missing => format!("expected {expected}, found no value in a required column"),
        }
    }
}

/// Describes a text by its length alone.
pub fn text_of(text: &[u8]) -> String {
    let characters = String::from_utf8_lossy(text).chars().count();
    let mut found = String::from("text of ");
    // Writing to a String cannot fail.
    let _ = write!(found, "{characters} character{}", if characters == 1 { "" } else { "s" });
    found
}
