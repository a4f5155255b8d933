//! Columns that nobody declared, and the columns by which a raw table grows.

use arrow::datatypes::Schema;

use crate::source::{ColumnType, OnDrift, Source, SourceFile, Survey};
use crate::warehouse::table::Table;

/// Returns the columns that nobody declared: those the raw table has already, and those of the new files. Of
/// a column that comes with several types, the text is taken.
pub(super) fn evolved(
    source: &Source,
    base: Option<&Table>,
    surveys: &[Survey],
) -> Vec<(String, ColumnType)> {
    let mut columns: Vec<(String, ColumnType)> = Vec::new();
    if source.contract.on_drift != OnDrift::Evolve {
        return columns;
    }
    for field in base.iter().flat_map(|table| table.schema.fields()) {
        let declared = source.contract.columns.iter().any(|c| c.name == *field.name());
        let own = field.name().starts_with('_') || source.contract.adds(field.name());
        if !declared
            && !own
            && let Some(kind) = ColumnType::of(field.data_type())
        {
            columns.push((field.name().clone(), kind));
        }
    }
    let known = columns.len();
    for added in surveys.iter().flat_map(|survey| &survey.added) {
        match columns.iter().position(|(name, _)| *name == added.name) {
            Some(place) if place >= known && columns[place].1 != added.kind => {
                columns[place].1 = ColumnType::Text;
            }
            Some(_) => {}
            None => columns.push((added.name.clone(), added.kind)),
        }
    }
    columns
}

/// Returns the columns by which the table grows, each with the file that brought it where nobody declared it.
pub(super) fn new_columns<'f>(
    base: Option<&Table>,
    schema: &Schema,
    surveys: &[Survey],
    files: impl Iterator<Item = &'f SourceFile>,
) -> Vec<String> {
    let Some(base) = base else { return Vec::new() };
    let brought: Vec<(&SourceFile, &Survey)> = files.zip(surveys).collect();
    let old = base.schema.fields().len();
    let shown = |name: &String| {
        let file = brought.iter().find(|(_, survey)| survey.added.iter().any(|added| added.name == *name));
        match file {
            Some((file, _)) => format!("`{name}` ({})", file.name),
            None => format!("`{name}`"),
        }
    };
    schema.fields().iter().skip(old).map(|field| shown(field.name())).collect()
}
