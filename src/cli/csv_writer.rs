//! Rows as CSV, with the delimiter and in the encoding that the reader wants.

use std::borrow::Cow;
use std::io::Write;
use std::ops::ControlFlow;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::changed_cells::{Change, ChangedCells};
use super::closed_pipe::unless_closed;
use crate::error::{Context, Error, Result};
use crate::exported_file::{Dialect, neutralised, write_record};
use crate::sql_type::sql_type;

/// How CSV is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CsvOptions {
    pub dialect: Dialect,
    /// Numbers have a comma where others have a point.
    pub decimal_comma: bool,
    /// Texts that begin as formulas do are left as they are.
    pub keep_formulas: bool,
}

/// Writes batches as CSV, the names of the columns first.
pub struct CsvWriter<'o, W: Write> {
    out: &'o mut W,
    options: CsvOptions,
    schema: SchemaRef,
    has_header: bool,
    /// Data rows so far.
    rows: u64,
    /// The fields of a row, kept for the room they have.
    fields: Vec<String>,
}

impl<'o, W: Write> CsvWriter<'o, W> {
    /// Returns a writer of rows with these columns.
    ///
    /// # Errors
    /// A column of lists, maps or structs.
    pub fn new(options: CsvOptions, schema: SchemaRef, out: &'o mut W) -> Result<Self> {
        require_flat(&schema, "CSV")?;
        let fields = vec![String::new(); schema.fields().len()];
        Ok(CsvWriter { out, options, schema, has_header: false, rows: 0, fields })
    }

    /// Writes a batch; `Break` when the reader wants no more.
    ///
    /// # Errors
    /// A character that the encoding does not have; a value that cannot be shown; a file that cannot be written.
    pub fn write(&mut self, batch: &RecordBatch, changed: &mut ChangedCells) -> Result<ControlFlow<()>> {
        let mut bytes = self.begin()?;
        let options = FormatOptions::default();
        let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let formatters: Vec<_> = formatters.collect::<Result<_, _>>().doing("write the rows")?;
        let kinds: Vec<Kind> = batch.schema_ref().fields().iter().map(|f| Kind::of(f.data_type())).collect();
        for row in 0..batch.num_rows() {
            self.rows += 1;
            for (place, formatter) in formatters.iter().enumerate() {
                let field = &mut self.fields[place];
                field.clear();
                if batch.column(place).is_null(row) {
                    continue;
                }
                let place_of = || format!("row {}, column {}", self.rows, self.schema.field(place).name());
                formatter
                    .value(row)
                    .write(field)
                    .map_err(|_| Error::failed("a value that cannot be written as text").at(place_of()))?;
                self.finish_field(place, kinds[place], changed);
            }
            self.encode(&mut bytes)?;
        }
        unless_closed(self.out.write_all(&bytes))
    }

    /// Ends the rows: a file without rows has its header.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> Result<()> {
        let bytes = self.begin()?;
        unless_closed(self.out.write_all(&bytes)).map(drop)
    }

    /// The mark of the encoding and the header, once.
    fn begin(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if !std::mem::replace(&mut self.has_header, true) {
            bytes.extend_from_slice(self.options.dialect.encoding.mark());
            for (field, column) in self.fields.iter_mut().zip(self.schema.fields()) {
                *field = neutralised(column.name()).into_owned();
            }
            self.encode(&mut bytes)?;
        }
        Ok(bytes)
    }

    fn finish_field(&mut self, place: usize, kind: Kind, changed: &mut ChangedCells) {
        let field = &mut self.fields[place];
        match kind {
            Kind::Text => {
                let Cow::Owned(harmless) = neutralised(field) else { return };
                let name = self.schema.field(place).name();
                if self.options.keep_formulas {
                    changed.count(Change::KeptFormula, name);
                } else {
                    changed.count(Change::Neutralised, name);
                    *field = harmless;
                }
            }
            Kind::Fraction if self.options.decimal_comma => *field = field.replace('.', ","),
            Kind::Fraction | Kind::Other => {}
        }
    }

    /// Adds the bytes of the fields as a record.
    fn encode(&self, bytes: &mut Vec<u8>) -> Result<()> {
        let Dialect { delimiter, encoding } = self.options.dialect;
        let mut record = Vec::new();
        write_record(self.fields.iter().map(|field| field.as_bytes()), delimiter.byte(), &mut record);
        let text = String::from_utf8(record).doing("write the rows")?;
        if encoding.encode(&text, bytes).is_ok() {
            return Ok(());
        }
        let fits = |field: &String| encoding.encode(field, &mut Vec::new()).is_ok();
        let place = self.fields.iter().position(|field| !fits(field)).unwrap_or_default();
        let row = match self.rows {
            0 => "the header".to_owned(),
            row => format!("row {row}"),
        };
        Err(Error::config(format!("a character that {encoding} does not have"))
            .at(format!("{row}, column {}", self.schema.field(place).name()))
            .hint("--encoding utf-8-bom has every character, and spreadsheets know it by its mark"))
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    /// A number with a decimal point.
    Fraction,
    Other,
}

impl Kind {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
            DataType::Dictionary(_, values) => Kind::of(values),
            other if other.is_floating() || other.is_decimal() => Kind::Fraction,
            _ => Kind::Other,
        }
    }
}

/// Checks that no column has values of several parts, for which a cell has no form.
///
/// # Errors
/// A column of lists, maps or structs.
pub fn require_flat(schema: &SchemaRef, format: &str) -> Result<()> {
    match schema.fields().iter().find(|field| field.data_type().is_nested()) {
        None => Ok(()),
        Some(field) => Err(Error::config(format!(
            "the column {} is {}, for which {format} has no form",
            field.name(),
            sql_type(field.data_type())
        ))
        .hint("write JSON or Parquet, or turn it into a text in the query: array_to_string(x, ', ')")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn rows() -> RecordBatch {
        let amounts = Decimal128Array::from(vec![Some(-1250), None, Some(5)]);
        let amounts = amounts.with_precision_and_scale(10, 2).unwrap();
        let columns: [(&str, ArrayRef); 5] = [
            ("nom", Arc::new(StringArray::from(vec![Some("Zoé"), Some("=1+1"), Some("a;b")]))),
            ("phone", Arc::new(StringArray::from(vec![Some("+33612345678"), None, Some("-2+3")]))),
            ("n", Arc::new(Int64Array::from(vec![-1, 2, 3]))),
            ("amount", Arc::new(amounts)),
            ("share", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(-1e-7)]))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
    }

    fn written(options: CsvOptions) -> Result<(Vec<u8>, Vec<String>)> {
        let (mut out, mut changed, batch) = (Vec::new(), ChangedCells::default(), rows());
        let mut writer = CsvWriter::new(options, batch.schema(), &mut out)?;
        let _ = writer.write(&batch.slice(0, 1), &mut changed)?;
        let _ = writer.write(&batch.slice(1, 2), &mut changed)?;
        writer.finish()?;
        let warnings = changed.warnings().collect();
        Ok((out, warnings))
    }

    fn dialect(delimiter: &str, encoding: &str) -> CsvOptions {
        let dialect = Dialect { delimiter: delimiter.parse().unwrap(), encoding: encoding.parse().unwrap() };
        CsvOptions { dialect, ..CsvOptions::default() }
    }

    #[test]
    fn texts_that_begin_as_formulas_are_neutralised_and_counted_and_numbers_are_not() {
        let (bytes, warnings) = written(CsvOptions::default()).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "nom,phone,n,amount,share\nZoé,+33612345678,-1,-12.50,0.5\n'=1+1,,2,,\n\"a;b\",'-2+3,3,0.05,-1e-7\n"
        );
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("1 in nom, 1 in phone;") && !warnings[0].contains("=1"), "{warnings:?}");
    }

    #[test]
    fn formulas_can_be_kept_and_are_told_then_too() {
        let (bytes, warnings) = written(CsvOptions { keep_formulas: true, ..dialect(",", "utf-8") }).unwrap();
        assert!(String::from_utf8(bytes).unwrap().contains("\n=1+1,,2,,\n"));
        assert!(warnings[0].contains("would carry them out: 1 in nom, 1 in phone"), "{warnings:?}");
    }

    #[test]
    fn a_french_spreadsheet_gets_semicolons_commas_and_its_mark() {
        let (bytes, _) = written(CsvOptions { decimal_comma: true, ..dialect(";", "utf-8-bom") }).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "\u{FEFF}nom;phone;n;amount;share\nZoé;+33612345678;-1;-12,50;0,5\n'=1+1;;2;;\n\"a;b\";'-2+3;3;0,05;-1e-7\n"
        );
    }

    #[test]
    fn a_file_in_another_encoding_has_its_bytes_alone() {
        let (bytes, _) = written(dialect("tab", "windows-1252")).unwrap();
        assert!(bytes.starts_with(b"nom\tphone\tn\tamount\tshare\nZo\xE9\t"));
        let (bytes, _) = written(dialect(",", "utf-16le")).unwrap();
        assert!(bytes.starts_with(b"\xFF\xFEn\0o\0m\0,\0"));
    }

    #[test]
    fn a_character_that_the_encoding_does_not_have_is_named_by_its_place() {
        let error = written(dialect(",", "iso-8859-7")).unwrap_err().to_string();
        assert!(error.contains("row 1, column nom") && error.contains("iso-8859-7"), "{error}");
        assert!(error.contains("utf-8-bom") && !error.contains("Zo"), "{error}");
    }

    #[test]
    fn lists_have_no_form() {
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]));
        let batch = RecordBatch::try_from_iter([("interests", lists)]).unwrap();
        let error = CsvWriter::new(CsvOptions::default(), batch.schema(), &mut Vec::new()).err().unwrap();
        assert!(error.to_string().contains("interests"), "{error}");
    }
}
