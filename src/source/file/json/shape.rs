//! Where the columns of a source are in its JSON: in a record, or in the elements of an array of the record,
//! under present or former names.

use super::nested::{DEPTH, unfit};
use super::object::{self, Scratch, Wrong};
use super::path::{Paths, Unknown};
use super::value::Value;
use crate::source::file::FileSource;
use crate::source::row::place::{RowPlace, row_place};

/// The paths of a source; a column's place is its number among the columns.
pub struct Shape {
    pub record: Paths,
    /// With `rows`.
    pub elements: Option<Elements>,
    columns: usize,
    /// For each former name its column.
    former: Vec<usize>,
}

/// The elements that become rows.
pub struct Elements {
    paths: Paths,
    /// The path of their array, and its place among the values.
    pub rows: String,
    pub array: usize,
    /// The places of the columns that are in an element.
    pub places: Vec<usize>,
    /// Whether only the elements themselves are wanted, whatever they are.
    of_any_kind: bool,
}

impl Shape {
    pub fn of(source: FileSource<'_>) -> Self {
        let (mut record, mut element) = (Paths::default(), Paths::default());
        let (mut places, mut of_any_kind) = (Vec::new(), true);
        // The places of former names follow those of the columns.
        let mut former = Vec::new();
        for (column, declared) in source.contract.columns.iter().enumerate() {
            for (age, name) in declared.source_names().iter().enumerate() {
                let place = if age == 0 { column } else { source.contract.columns.len() + former.len() };
                former.extend((age > 0).then_some(column));
                match row_place(source.files.rows.is_some(), name) {
                    RowPlace::Record(path) => record.add(path, place),
                    RowPlace::Element(path) => {
                        element.add(path, place);
                        places.push(place);
                        of_any_kind = false;
                    }
                    RowPlace::WholeElement => {
                        element.add_whole(place);
                        places.push(place);
                    }
                }
            }
        }
        let array = source.contract.columns.len() + former.len();
        let elements = match &source.files.rows {
            Some(rows) => {
                record.add_array(rows, array);
                source.contract.ignored.iter().for_each(|path| element.pass_over(path));
                Some(Elements { paths: element, rows: rows.clone(), array, places, of_any_kind })
            }
            None => {
                source.contract.ignored.iter().for_each(|path| record.pass_over(path));
                None
            }
        };
        Shape { record, elements, former, columns: source.contract.columns.len() }
    }

    /// Returns how many values are read of a record.
    pub fn places(&self) -> usize {
        self.columns + self.former.len() + 1
    }

    /// Brings values found under former names to the places of their columns.
    ///
    /// # Errors
    /// The place of a column that has more than one.
    pub(super) fn by_present_names(&self, values: &mut [Option<Value<'_>>]) -> Result<(), usize> {
        for (age, &place) in self.former.iter().enumerate() {
            if let Some(value) = values[self.columns + age].take()
                && values[place].replace(value).is_some()
            {
                return Err(place);
            }
        }
        Ok(())
    }

    /// Returns the column that a place is of.
    pub fn column_of(&self, place: usize) -> usize {
        place.checked_sub(self.columns).and_then(|age| self.former.get(age)).copied().unwrap_or(place)
    }

    /// Returns whether a name leads out of the element, to the record around it.
    pub fn is_around(&self, name: &str) -> bool {
        self.elements.is_some() && matches!(row_place(true, name), RowPlace::Record(_))
    }
}

impl Elements {
    /// Puts the values of one element beside those of its record.
    pub fn element<'a>(
        &self,
        element: Value<'a>,
        values: &mut [Option<Value<'a>>],
        scratch: &mut Scratch,
        unknown: Option<&mut Unknown>,
    ) -> Result<(), Wrong> {
        for place in &self.places {
            values[*place] = None;
        }
        match element {
            Value::Nested(object) if object.starts_with('{') => {
                object::read(object, &self.paths, values, scratch, unknown)
            }
            any if self.of_any_kind => {
                for place in &self.places {
                    values[*place] = Some(any);
                }
                match unfit(any, DEPTH) {
                    Some(reason) => {
                        Err(Wrong { place: self.places.first().copied(), reason: reason.to_owned() })
                    }
                    None => Ok(()),
                }
            }
            other => {
                let reason = format!("expected an object, found {}", other.describe());
                Err(Wrong { place: None, reason })
            }
        }
    }
}
