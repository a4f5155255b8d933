//! A declared column: its name, its type, where it is in the file and how its text is written.

use std::fmt;
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use chrono_tz::Tz;

use crate::source::value::number::NumberStyle;
use crate::source::value::time_format::TimeFormat;
use crate::source::value::zone::WholeDay;

/// The types a source can declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Text,
    /// 64-bit.
    Integer,
    /// Exact, at most 38 digits.
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// 64-bit, finite.
    Float,
    Boolean,
    Date,
    /// Microseconds in UTC.
    Timestamp,
}

impl ColumnType {
    pub fn data_type(self) -> DataType {
        match self {
            ColumnType::Text => DataType::Utf8,
            ColumnType::Integer => DataType::Int64,
            // Declarations hold precision and scale at 38.
            ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
            ColumnType::Float => DataType::Float64,
            ColumnType::Boolean => DataType::Boolean,
            ColumnType::Date => DataType::Date32,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        }
    }
}

impl ColumnType {
    /// Returns the type that takes in every value of an Arrow type; none where no declared type does.
    pub fn of(found: &DataType) -> Option<Self> {
        Some(match found {
            DataType::Dictionary(_, values) => return Self::of(values),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => ColumnType::Text,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => ColumnType::Integer,
            DataType::UInt64 => ColumnType::Decimal { precision: 20, scale: 0 },
            DataType::Float16 | DataType::Float32 | DataType::Float64 => ColumnType::Float,
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => {
                ColumnType::Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? }
            }
            DataType::Boolean => ColumnType::Boolean,
            DataType::Date32 | DataType::Date64 => ColumnType::Date,
            DataType::Timestamp(_, _) => ColumnType::Timestamp,
            _ => return None,
        })
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnType::Text => f.write_str("text"),
            ColumnType::Integer => f.write_str("integer"),
            ColumnType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            ColumnType::Float => f.write_str("float"),
            ColumnType::Boolean => f.write_str("boolean"),
            ColumnType::Date => f.write_str("date"),
            ColumnType::Timestamp => f.write_str("timestamp"),
        }
    }
}

/// Where a column's values are in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A header, or in JSON and Parquet a path of names joined by dots; where rows are elements of an
    /// array, within the element, `$.` before a path from the record.
    Name(String),
    /// What the column is and was called; a file has one of the names.
    Names(Vec<String>),
    /// One of the columns of a CSV file that have the same header, from 1.
    Nth { name: String, nth: usize },
    /// The place in a CSV file without a header, from 0.
    Position(usize),
    /// Characters of a fixed-width line, from 0.
    Characters(Range<usize>),
    /// The folder `name=value` that contains the file.
    Partition(String),
}

/// A checked column of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub kind: ColumnType,
    pub from: From,
    /// Whether a record may lack it. Key columns are required.
    pub nullable: bool,
    pub(in crate::source) style: Arc<Style>,
}

/// How a column's text is to be read.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::source) struct Style {
    /// Texts that mean "no value".
    pub nulls: Vec<Box<[u8]>>,
    pub number: NumberStyle,
    pub time: TimeFormat,
    /// The format as declared, for messages.
    pub format: Option<String>,
    pub zone: Tz,
    /// The instant that a value with only a day means.
    pub whole_day: WholeDay,
    /// Whether the words for null are those of exports that escape, and no escape is declared.
    pub may_escape: bool,
    /// Lower-case words.
    pub yes: Vec<String>,
    pub no: Vec<String>,
}

impl Column {
    pub fn field(&self) -> Field {
        // Nullable in the table even where required here: the requirement may be lifted one day,
        // and Delta cannot drop it from a table that exists.
        Field::new(&self.name, self.kind.data_type(), true)
    }

    /// Returns the type with its format, for messages.
    pub fn expected(&self) -> String {
        let mut expected = self.kind.to_string();
        if let Some(format) = &self.style.format {
            expected.push_str(&format!(" as {format}"));
        }
        if self.style.number.point == b','
            && matches!(self.kind, ColumnType::Decimal { .. } | ColumnType::Float)
        {
            expected.push_str(" with a decimal comma");
        }
        if let Some(currency) = &self.style.number.currency
            && matches!(self.kind, ColumnType::Integer | ColumnType::Decimal { .. } | ColumnType::Float)
        {
            expected.push_str(&format!(" in {}", String::from_utf8_lossy(currency)));
        }
        expected
    }

    /// Returns whether its declared format names no time of day.
    pub fn names_only_days(&self) -> bool {
        self.style.time.names_only_days()
    }

    /// Makes days without a time of day mean their last instant.
    pub(super) fn date_events(&mut self) {
        Arc::make_mut(&mut self.style).whole_day = WholeDay::End;
    }

    pub fn time_zone(&self) -> Tz {
        self.style.zone
    }

    /// Returns the column's name in files of today; its own where files have no names.
    pub(in crate::source) fn source_name(&self) -> &str {
        self.source_names().first().map_or(&self.name, String::as_str)
    }

    /// Returns all names that the column has or had in files.
    pub(in crate::source) fn source_names(&self) -> &[String] {
        match &self.from {
            From::Name(name) | From::Nth { name, .. } => slice::from_ref(name),
            From::Names(names) => names,
            From::Position(_) | From::Characters(_) | From::Partition(_) => &[],
        }
    }

    /// Returns what the column is called in files, for messages.
    pub(in crate::source) fn wanted(&self) -> String {
        match &self.from {
            From::Nth { name, nth } => format!("`{name}` (number {nth} with that name)"),
            From::Names(names) => {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
            }
            From::Partition(name) => format!("`{name}=…`"),
            _ => format!("`{}`", self.source_name()),
        }
    }
}
