//! Warnings and notes about a file that refuse no record.

use std::collections::BTreeMap;

use super::suspicious_value::Doubt;
use super::tally::Tally;

/// Something that was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// Of the file as a whole.
    File(String),
    /// Values of a column that are accepted but doubtful.
    Doubtful { column: String, doubt: Doubt },
    /// A column whose place is in no record; whether it stands around the array of the rows, where nobody
    /// looks at keys that are not declared.
    InNoRecord { column: String, from: String, around: bool },
    /// Records without an element in the array that rows come from.
    NoElement { rows: String },
}

/// What was seen of one file, how often and in which line first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    pub seen: Seen,
    pub tally: Tally,
}

impl Remark {
    /// Returns what was seen, if it was.
    pub fn counted(seen: Seen, tally: Tally) -> Option<Self> {
        (tally.count > 0).then_some(Remark { seen, tally })
    }

    /// Of the file as a whole.
    pub fn of_file(text: String) -> Self {
        Remark { seen: Seen::File(text), tally: Tally { count: 1, first_line: 1 } }
    }

    /// Returns whether it is only a note, which needs no action.
    fn is_note(&self) -> bool {
        matches!(self.seen, Seen::NoElement { .. } | Seen::InNoRecord { around: false, .. })
    }

    /// Returns what is reported, the file's name aside.
    pub fn text(&self) -> String {
        let Tally { count, first_line } = self.tally;
        let one = count == 1;
        match &self.seen {
            Seen::File(text) => text.clone(),
            Seen::Doubtful { column, doubt } => doubt.text(column, self.tally),
            Seen::InNoRecord { column, from, .. } => {
                format!("no record has `{from}`: `{column}` is null in every row")
            }
            Seen::NoElement { rows } => format!(
                "{count} record{} no element in `{rows}` and give{} no row, the first in line {first_line}",
                if one { " has" } else { "s have" },
                if one { "s" } else { "" },
            ),
        }
    }
}

/// Returns the warnings and the notes on the files of a source: the same of several files is reported once.
pub fn messages(remarks: Vec<(String, Remark)>) -> (Vec<String>, Vec<String>) {
    let mut files: BTreeMap<Seen, (String, usize, Tally)> = BTreeMap::new();
    for (file, Remark { seen, tally }) in remarks {
        let (_, more, all) = files.entry(seen).or_insert((file, 0, Tally { count: 0, ..tally }));
        *more += 1;
        all.count += tally.count;
    }
    let messages = files.into_iter().map(|(seen, (first, files, tally))| {
        let files = match files {
            1 => first,
            2 => format!("{first} and 1 more file"),
            files => format!("{first} and {} more files", files - 1),
        };
        let remark = Remark { seen, tally };
        (remark.is_note(), format!("{files}: {}", remark.text()))
    });
    let (notes, warnings): (Vec<_>, Vec<_>) = messages.partition(|(is_note, _)| *is_note);
    let texts = |messages: Vec<(bool, String)>| messages.into_iter().map(|(_, text)| text).collect();
    (texts(warnings), texts(notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_of_several_files_is_reported_once() {
        let seen = |count, first_line| Remark {
            seen: Seen::Doubtful { column: "card".to_owned(), doubt: Doubt::Shortened },
            tally: Tally { count, first_line },
        };
        let none = Remark {
            seen: Seen::NoElement { rows: "lines".to_owned() },
            tally: Tally { count: 1, first_line: 4 },
        };
        let remarks = [("a", seen(2, 7)), ("b", none), ("c", seen(3, 2)), ("d", seen(1, 9))];
        let (warnings, notes) = messages(remarks.map(|(file, remark)| (file.to_owned(), remark)).to_vec());
        assert_eq!(
            warnings,
            [
                "a and 2 more files: 6 values of `card` look like a number shortened by a spreadsheet, the first in \
              line 7: different numbers may have become equal"
            ]
        );
        assert_eq!(notes, ["b: 1 record has no element in `lines` and gives no row, the first in line 4"]);
    }
}
