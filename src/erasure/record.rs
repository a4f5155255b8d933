//! Refused records, kept as text: those that name a forgotten person lose their text.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};

use super::suppression::Suppressions;
use crate::error::{Context, Error, Result};

/// What stands between the values of a record, in CSV and in JSON alike.
const BETWEEN: [char; 11] = [';', ',', '\t', '|', '"', '\'', '{', '}', ':', '\n', '\r'];

/// A batch of refused records, whose `record` is null where it holds a value of the list;
/// how many that are.
///
/// A record that does not fit its declaration cannot be taken apart by it: every value between two
/// delimiters, and every word of it, is held against the list as each of these kinds of key. Place
/// and reason stay.
pub fn without_record(
    batch: &RecordBatch,
    kinds: &BTreeSet<String>,
    list: &Suppressions,
) -> Result<(RecordBatch, u64)> {
    let damaged = || Error::failed("refused records came without their text");
    let place = batch.schema().index_of("record").map_err(|_| damaged())?;
    let records = batch.column(place).as_string_opt::<i32>().ok_or_else(damaged)?;
    let names = |record: &str| {
        let known =
            |value: &str| !value.trim().is_empty() && kinds.iter().any(|kind| list.holds(kind, value));
        record.split(BETWEEN).any(|value| known(value) || value.split_whitespace().any(known))
    };
    let kept: StringArray = records.iter().map(|record| record.filter(|record| !names(record))).collect();
    let blanked = (kept.null_count() - records.null_count()) as u64;
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns[place] = Arc::new(kept);
    let batch = RecordBatch::try_new(batch.schema(), columns).doing("take forgotten persons out")?;
    Ok((batch, blanked))
}

#[cfg(test)]
mod tests {
    use super::super::identifier::Identifier;
    use super::super::suppression::list_of;
    use super::*;

    #[test]
    fn a_record_that_names_them_loses_its_text_and_keeps_its_place() {
        let records: ArrayRef = Arc::new(StringArray::from(vec![
            Some("7;Ada@Example.org;31/02/2025"),
            Some(r#"{"customer": {"email":"ada@example.org"}, "amount": "much"}"#),
            Some("call Ada@example.org back;x"),
            Some("8;ada@example.org.uk;31/02/2025"),
            None,
        ]));
        let lines: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![1, 2, 3, 4, 5]));
        let batch =
            RecordBatch::try_from_iter_with_nullable([("line", lines, true), ("record", records, true)])
                .unwrap();
        let list = list_of(&[Identifier::new("email", "ada@example.org")]);
        let (kept, blanked) = without_record(&batch, &["email".to_owned()].into(), &list).unwrap();
        assert_eq!(blanked, 3);
        assert_eq!(kept.num_rows(), 5);
        let left: Vec<_> = kept.column(1).as_string::<i32>().iter().flatten().collect();
        assert_eq!(left, ["8;ada@example.org.uk;31/02/2025"]);
    }
}
