//! What a section works with: the tables of the release, the language, and what is to be said of tables that are
//! not as sillage's own pipeline makes them.

use arrow::datatypes::DataType;
use chrono_tz::Tz;

use super::language::Language;
use super::rows::Rows;
use crate::error::Result;
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;

/// What a column has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    /// A whole number.
    Count,
    /// Any number.
    Number,
    Day,
    Instant,
    Flag,
}

/// A column that a section reads, and what it has to hold.
pub(super) type Column = (&'static str, Holds);

impl Holds {
    fn fits(self, kind: &DataType) -> bool {
        match self {
            Holds::Text => matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
            Holds::Count => kind.is_integer(),
            Holds::Number => kind.is_numeric(),
            Holds::Day => matches!(kind, DataType::Date32 | DataType::Date64),
            Holds::Instant => matches!(kind, DataType::Timestamp(..)),
            Holds::Flag => *kind == DataType::Boolean,
        }
    }

    fn in_words(self, language: Language) -> &'static str {
        match self {
            Holds::Text => language.text("text", "du texte"),
            Holds::Count => language.text("whole numbers", "des nombres entiers"),
            Holds::Number => language.text("numbers", "des nombres"),
            Holds::Day => language.text("days", "des jours"),
            Holds::Instant => language.text("instants", "des instants"),
            Holds::Flag => language.text("true and false", "vrai ou faux"),
        }
    }
}

/// A table that has the name of one of sillage's own and is another: which column tells.
#[derive(Debug, Clone)]
pub(super) struct LeftOut {
    table: TableName,
    column: &'static str,
    /// What the column has to hold, where it is there.
    expected: Option<Holds>,
}

impl LeftOut {
    /// Says that a part of the page is not shown, and why.
    pub fn in_words(&self, language: Language) -> String {
        let LeftOut { table, column, expected } = self;
        let wrong = match expected {
            None => language.text(
                format!("{table} has no column {column}"),
                format!("{table} n'a pas de colonne {column}"),
            ),
            Some(holds) => language.text(
                format!("the column {column} of {table} does not hold {}", holds.in_words(language)),
                format!("la colonne {column} de {table} devrait contenir {}", holds.in_words(language)),
            ),
        };
        language.text(
            format!("A part is not shown: {wrong}. It is read as the models that come with sillage make it."),
            format!(
                "Une partie n'est pas affichée : {wrong}. La table est lue telle que la font les modèles livrés avec \
                 sillage."
            ),
        )
    }
}

/// Reads tables for one section.
pub(super) struct Reader<'c> {
    pub catalog: &'c Catalog,
    pub language: Language,
    /// Of the pipeline's days.
    pub zone: Tz,
    left_out: Vec<LeftOut>,
}

impl<'c> Reader<'c> {
    pub fn new(catalog: &'c Catalog, language: Language, zone: Tz) -> Self {
        Reader { catalog, language, zone, left_out: Vec::new() }
    }

    /// Asks about a table, of which the query reads these columns. `None` where the release has none of that name, and
    /// where it has another with the same name: the page then says which column is not as it has to be.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn rows(&mut self, table: &str, columns: &[Column], sql: &str) -> Result<Option<Rows>> {
        let name: TableName = table.parse()?;
        let Some(found) = self.catalog.table(&name).await? else { return Ok(None) };
        for (column, holds) in columns {
            let field = found.schema.fields().iter().find(|field| field.name() == column);
            let expected = match field {
                None => None,
                Some(field) if !holds.fits(field.data_type()) => Some(*holds),
                Some(_) => continue,
            };
            self.left_out.push(LeftOut { table: name, column, expected });
            return Ok(None);
        }
        Rows::of(self.catalog, table, sql).await
    }

    /// Returns whether a table of the release has a column.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn has_column(&self, table: &str, column: &str) -> Result<bool> {
        let found = self.catalog.table(&table.parse()?).await?;
        Ok(found.is_some_and(|table| table.schema.fields().iter().any(|field| field.name() == column)))
    }

    /// Returns what the section lacks, and why.
    pub fn into_left_out(self) -> Vec<LeftOut> {
        self.left_out
    }
}
