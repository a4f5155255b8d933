//! What reading saw that refuses nothing and still is to be said, counted.

use std::collections::BTreeMap;

/// Something that was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// A number in a text column that is whole and is not written so: `12.0`, `1e3`.
    WholeInOtherDigits { column: String },
    /// A column whose place is in no record of a file; whether it stands around the array of the rows, where
    /// nobody looks at keys that are not declared.
    InNoRecord { column: String, from: String, around: bool },
    /// A record without an element in the array that rows come from.
    NoElement { rows: String },
}

/// What was seen, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks(BTreeMap<Remark, u64>);

impl Remarks {
    pub fn add(&mut self, remark: Remark, times: u64) {
        if times > 0 {
            *self.0.entry(remark).or_default() += times;
        }
    }

    pub fn extend(&mut self, others: Remarks) {
        for (remark, times) in others.0 {
            self.add(remark, times);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What somebody should look at.
    pub fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().filter_map(|(remark, times)| match remark {
            Remark::WholeInOtherDigits { column } => Some(format!(
                "column {column}: {times} whole number{} kept as text as written, with a fraction or an exponent: \
                 12.0 does not join 12; declare the column integer, or have it exported as text",
                plural(*times, " is", "s are")
            )),
            Remark::InNoRecord { column, from, around: true } => Some(absent(column, from, *times)),
            Remark::InNoRecord { .. } | Remark::NoElement { .. } => None,
        })
    }

    /// What is as it may be.
    pub fn notes(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().filter_map(|(remark, times)| match remark {
            Remark::NoElement { rows } => Some(format!(
                "{times} record{} no element in `{rows}` and give{} no row",
                plural(*times, " has", "s have"),
                plural(*times, "s", "")
            )),
            Remark::InNoRecord { column, from, around: false } => Some(absent(column, from, *times)),
            Remark::InNoRecord { .. } | Remark::WholeInOtherDigits { .. } => None,
        })
    }
}

fn absent(column: &str, from: &str, files: u64) -> String {
    let plural = plural(files, "", "s");
    format!("column {column}: no record of {files} file{plural} has `{from}`, read as null")
}

fn plural(times: u64, one: &'static str, many: &'static str) -> &'static str {
    if times == 1 { one } else { many }
}
