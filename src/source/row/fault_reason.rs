//! The text of a fault: what was expected and what was found, never the value.

use std::fmt::Write;

use crate::source::contract::column::Column;
use crate::source::value::fault::Fault;

impl Fault {
    /// Returns the reason as the quarantine keeps it; `found` describes the value without telling it.
    pub fn reason(self, column: &Column, found: &str) -> String {
        let expected = column.expected();
        match self {
            Fault::Shape => format!("expected {expected}, found {found}"),
            Fault::Range => format!("expected {expected}, found a number that is out of range"),
            Fault::Places => {
                format!("expected {expected}, found a number with more decimal places")
            }
            Fault::Inexact => {
                format!("expected {expected}, found a floating-point number too large to be exact")
            }
            Fault::Fraction => format!("expected {expected}, found a number with a fraction"),
            Fault::Exponent => format!(
                "expected {expected}, found a number with an exponent (spreadsheets write long numbers \
                 this way and lose digits)"
            ),
            Fault::Abbreviation => format!(
                "expected {expected}, found a time zone abbreviation without a declared offset (declare \
                 it in zone_abbreviations)"
            ),
            Fault::Calendar => {
                format!("expected {expected}, found a date or time that does not exist")
            }
            Fault::Gap => format!(
                "expected {expected}, found a local time that does not exist in {}, because clocks went \
                 forward",
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
