//! Finds the rows of erased persons among those of a source, and deletes or anonymises them.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch, nullif};
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};
use crate::ops::suppressions::Suppressions;
use crate::source::{OnForget, Person};

/// How many rows were an erased person's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedRows {
    pub removed: u64,
    pub anonymised: u64,
}

impl ErasedRows {
    pub fn rows(&self) -> u64 {
        self.removed + self.anonymised
    }
}

/// Returns which rows are an erased person's.
///
/// # Errors
/// A batch without a column of a key.
pub fn is_of_erased_person(
    batch: &RecordBatch,
    person: &Person,
    list: &Suppressions,
) -> Result<BooleanArray> {
    rows_with_key(batch, person, |kind, value| list.holds(kind, value))
}

/// Returns which rows have a key, of this kind and value, that holds.
pub(super) fn rows_with_key(
    batch: &RecordBatch,
    person: &Person,
    holds: impl Fn(&str, &str) -> bool,
) -> Result<BooleanArray> {
    let mut found = vec![false; batch.num_rows()];
    for key in &person.keys {
        let column = batch.column_by_name(&key.column).ok_or_else(|| {
            Error::failed(format!(
                "rows came without the column `{}`, which identifies their person",
                key.column
            ))
        })?;
        let column = cast(column, &DataType::Utf8).doing(format!("read the column `{}`", key.column))?;
        let kind = key.kind.word();
        for (found, value) in found.iter_mut().zip(column.as_string::<i32>()) {
            *found = *found || value.is_some_and(|value| holds(&kind, value));
        }
    }
    Ok(found.into())
}

/// Returns the batch without what is an erased person's, and how many rows that were.
///
/// # Errors
/// A batch without a column of a key.
pub fn forget_rows(
    batch: RecordBatch,
    person: &Person,
    list: &Suppressions,
) -> Result<(RecordBatch, ErasedRows)> {
    let doing = "remove erased persons";
    let erased = is_of_erased_person(&batch, person, list)?;
    let rows = erased.true_count() as u64;
    if rows == 0 {
        return Ok((batch, ErasedRows::default()));
    }
    match &person.on_forget {
        OnForget::Remove => {
            let others = arrow::compute::not(&erased).doing(doing)?;
            let others = filter_record_batch(&batch, &others).doing(doing)?;
            Ok((others, ErasedRows { removed: rows, anonymised: 0 }))
        }
        OnForget::Anonymise(blanked) => {
            let schema = batch.schema();
            let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
                match blanked.has(field.name()) {
                    true => nullif(column, &erased).doing(doing),
                    false => Ok(column.clone()),
                }
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let blanked = RecordBatch::try_new(schema, columns).doing(doing)?;
            Ok((blanked, ErasedRows { removed: 0, anonymised: rows }))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, Int64Array, StringArray};

    use super::*;
    use crate::ops::Identifier;
    use crate::ops::suppressions::list_of;
    use crate::source::{Blanked, KeyKind, PersonKey};

    fn lines() -> RecordBatch {
        let texts = |values: [Option<&str>; 3]| Arc::new(StringArray::from(values.to_vec())) as _;
        RecordBatch::try_from_iter_with_nullable([
            ("card", texts([Some("7"), None, Some("8")]), true),
            ("email", texts([None, Some("Ada@Example.org"), Some("bob@example.org")]), true),
            ("amount", Arc::new(Int64Array::from(vec![10, 20, 30])) as _, true),
        ])
        .unwrap()
    }

    fn person(on_forget: OnForget) -> Person {
        let key = |name: &str| PersonKey { column: name.into(), kind: KeyKind::Key(name.into()) };
        Person { keys: vec![key("card"), key("email")], on_forget }
    }

    #[test]
    fn rows_are_theirs_by_any_key() {
        let list = list_of(&[Identifier::new("card", "7"), Identifier::new("email", "ada@example.org")]);
        let (others, erased) = forget_rows(lines(), &person(OnForget::Remove), &list).unwrap();
        assert_eq!(erased, ErasedRows { removed: 2, anonymised: 0 });
        assert_eq!(others.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("8")]);
    }

    #[test]
    fn what_the_books_need_stays_and_is_anonymous() {
        let list = list_of(&[Identifier::new("email", "ada@example.org")]);
        let blanked = |harmless: &[&str]| {
            OnForget::Anonymise(Blanked {
                columns: vec!["card".into(), "email".into()],
                harmless: harmless.iter().map(|name| (*name).to_owned()).collect(),
            })
        };
        // Of an undeclared column, nobody knows what it holds.
        let (rows, _) = forget_rows(lines(), &person(blanked(&[])), &list).unwrap();
        assert_eq!(rows.column(2).null_count(), 1);
        let (rows, erased) = forget_rows(lines(), &person(blanked(&["amount"])), &list).unwrap();
        assert_eq!(erased, ErasedRows { removed: 0, anonymised: 1 });
        let emails = rows.column(1).as_string::<i32>();
        assert_eq!(emails.iter().collect::<Vec<_>>(), [None, None, Some("bob@example.org")]);
        assert_eq!(rows.column(2), lines().column(2));
    }

    #[test]
    fn nobody_forgotten_changes_nothing() {
        let list = list_of(&[Identifier::new("card", "9")]);
        let (rows, erased) = forget_rows(lines(), &person(OnForget::Remove), &list).unwrap();
        assert_eq!((rows, erased), (lines(), ErasedRows::default()));
    }
}
