//! Rows as a workbook of a spreadsheet, with one sheet.
//!
//! Every text is a cell of type text with the format of texts: nothing in it is a formula, a link or a number, not
//! even after somebody has edited the cell. The library keeps rows that it has written in a file without a name,
//! beside the one that is made; what it does with a full disk is to panic, which becomes an error here.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use rust_xlsxwriter::{DocProperties, Format, IgnoreError, Workbook, Worksheet, XlsxError};

use super::changed_cells::{Change, ChangedCells};
use super::csv_writer::require_flat;
use super::xlsx_cell::{Cell, ColumnKind, Values};
use crate::clock::Instant;
use crate::error::{Context, Error, Kind, Result};

/// What a sheet holds, the header included.
const ROWS: u32 = 1_048_576;
const COLUMNS: usize = 16_384;
/// UTF-16 units of a cell.
const CELL_LENGTH: usize = 32_767;
/// Widths in characters.
const WIDTHS: (usize, usize) = (8, 60);
/// What the button of the filter takes of a header.
const BUTTON: usize = 3;
const DATE: &str = "yyyy-mm-dd";
const INSTANT: &str = "yyyy-mm-dd hh:mm:ss";
const TIME: &str = "hh:mm:ss";
const MILLIS: &str = ".000";
const TEXT: &str = "@";
/// Other programs than Excel show 1 and 0 without it.
const BOOLEAN: &str = r#""TRUE";"TRUE";"FALSE""#;
/// Of a cell beside its text.
const CELL_BYTES: u64 = 64;
/// Beyond which an archive needs 64-bit sizes, with room for what was not counted.
const LARGE: u64 = 3 << 30;
/// Points of a line, and the lines that a row shows at most.
const LINE_HEIGHT: f64 = 15.0;
const SHOWN_LINES: usize = 20;
const DOING: &str = "write the sheet";
const ELSEWHERE: &str = "write CSV or Parquet, or fewer of them";

/// Writes batches into a sheet, the names of the columns first.
pub struct XlsxWriter {
    workbook: Workbook,
    sheet: Worksheet,
    columns: Vec<Column>,
    /// Rows so far, the header included.
    rows: u32,
    /// About as many bytes as the sheet has before it is packed.
    bytes: u64,
}

struct Column {
    name: String,
    /// Of values that are what the column's type says.
    format: Format,
    /// Of times with milliseconds.
    with_millis: Format,
    /// Of values that are texts all the same.
    as_text: Format,
    /// Of texts of several lines, which would be drawn over each other.
    in_lines: Format,
    /// Characters of a date or a time.
    of_moments: usize,
    width: usize,
}

impl Column {
    fn of(name: &str, kind: ColumnKind) -> Self {
        let format = |code: &str| Format::new().set_num_format(code);
        let code = match kind {
            ColumnKind::Text => TEXT.to_owned(),
            ColumnKind::Number(Some(0)) => "0".to_owned(),
            ColumnKind::Number(Some(decimals)) => format!("0.{}", "0".repeat(decimals.unsigned_abs().into())),
            ColumnKind::Number(None) => "General".to_owned(),
            ColumnKind::Boolean => BOOLEAN.to_owned(),
            ColumnKind::Date => DATE.to_owned(),
            ColumnKind::Instant => INSTANT.to_owned(),
            ColumnKind::Time => TIME.to_owned(),
        };
        Column {
            name: name.to_owned(),
            format: format(&code),
            with_millis: format(&format!("{code}{MILLIS}")),
            as_text: format(TEXT),
            in_lines: format(TEXT).set_text_wrap(),
            of_moments: code.len(),
            width: name.chars().count() + BUTTON,
        }
    }

    /// Writes a cell of the column.
    fn put(&mut self, sheet: &mut Worksheet, row: u32, place: u16, cell: &Cell) -> Result<(), XlsxError> {
        let lines = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        let width = match cell {
            Cell::Blank => return Ok(()),
            Cell::Text(text) => {
                let format = if text.contains('\n') { &self.in_lines } else { &self.format };
                sheet.write_string_with_format(row, place, text, format)?;
                lines(text)
            }
            Cell::NoText(text) => {
                sheet.write_string_with_format(row, place, text, &self.as_text)?;
                lines(text)
            }
            Cell::Number { value, width } => {
                sheet.write_number_with_format(row, place, *value, &self.format)?;
                *width
            }
            Cell::Boolean(value) => {
                sheet.write_boolean_with_format(row, place, *value, &self.format)?;
                "FALSE".len()
            }
            Cell::Moment { serial, has_millis: false, .. } => {
                sheet.write_number_with_format(row, place, *serial, &self.format)?;
                self.of_moments
            }
            Cell::Moment { serial, has_millis: true, .. } => {
                sheet.write_number_with_format(row, place, *serial, &self.with_millis)?;
                self.of_moments + MILLIS.len()
            }
        };
        // A little more: digits are narrower than other characters.
        self.width = self.width.max(width + 1);
        Ok(())
    }
}

impl XlsxWriter {
    /// Returns a writer of rows with these columns. Its rows wait in a folder; the workbook says that it was made
    /// at an instant.
    ///
    /// # Errors
    /// A column of lists, maps or structs; more columns than a sheet has; no file can be created in the folder.
    pub fn new(schema: &SchemaRef, folder: &Path, made_at: Instant) -> Result<Self> {
        require_flat(schema, "a sheet")?;
        let count = schema.fields().len();
        if count > COLUMNS {
            return Err(Error::config(format!("{count} columns, and a sheet has {COLUMNS}")).hint(ELSEWHERE));
        }
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut workbook = Workbook::new();
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&made_at));
        workbook.set_tempdir(folder).doing(DOING)?;
        let mut sheet = workbook.new_worksheet_with_constant_memory().doing(DOING)?;
        let fields = schema.fields().iter();
        let columns: Vec<Column> =
            fields.map(|field| Column::of(field.name(), ColumnKind::of(field.data_type()))).collect();
        sheet.set_name("rows").and_then(|sheet| sheet.set_freeze_panes(1, 0)).doing(DOING)?;
        let header = Format::new().set_bold().set_num_format(TEXT);
        for (place, column) in (0_u16..).zip(&columns) {
            require_short(&column.name, "the header", &column.name)?;
            sheet
                .set_column_format(place, &column.format)
                .and_then(|sheet| sheet.write_string_with_format(0, place, &column.name, &header))
                .doing(DOING)?;
        }
        Ok(XlsxWriter { workbook, sheet, columns, rows: 1, bytes: 0 })
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// More rows than a sheet has, a text that is longer than a cell; a full disk.
    pub fn write(&mut self, batch: &RecordBatch, changed: &mut ChangedCells) -> Result<()> {
        let fits = u32::try_from(batch.num_rows()).is_ok_and(|rows| rows <= ROWS - self.rows);
        if !fits {
            return Err(Error::config(format!(
                "more rows than a sheet has, which are {} and the header",
                ROWS - 1
            ))
            .hint(ELSEWHERE));
        }
        let values = batch.columns().iter().map(Values::of).collect::<Result<Vec<_>>>()?;
        guarded(|| {
            for row in 0..batch.num_rows() {
                self.row(&values, row, changed)?;
            }
            Ok(())
        })
    }

    fn row(&mut self, values: &[Values<'_>], row: usize, changed: &mut ChangedCells) -> Result<()> {
        let (mut is_blank, mut lines) = (true, 1);
        for (place, (values, column)) in (0_u16..).zip(values.iter().zip(&mut self.columns)) {
            let of_row = format!("row {}", self.rows);
            let cell = values.cell(row).map_err(|e| e.at(format!("{of_row}, column {}", column.name)))?;
            is_blank = is_blank && cell == Cell::Blank;
            if let Cell::Text(text) | Cell::NoText(text) = &cell {
                require_short(text, &of_row, &column.name)?;
                lines = lines.max(text.lines().count());
                self.bytes += text.len() as u64;
            }
            match cell {
                Cell::NoText(_) => changed.count(Change::AsText, &column.name),
                Cell::Moment { is_cut: true, .. } => changed.count(Change::CutToMillis, &column.name),
                _ => {}
            }
            column.put(&mut self.sheet, self.rows, place, &cell).doing(DOING)?;
            self.bytes += CELL_BYTES;
        }
        if is_blank && let Some(first) = self.columns.first() {
            // A row of nothing is a row all the same.
            self.sheet.write_blank(self.rows, 0, &first.format).doing(DOING)?;
        }
        if lines > 1 {
            let height = LINE_HEIGHT * lines.min(SHOWN_LINES) as f64;
            self.sheet.set_row_height(self.rows, height).doing(DOING)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Ends the sheet and writes the workbook.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self, out: &mut (impl Write + Send)) -> Result<()> {
        let XlsxWriter { mut workbook, mut sheet, columns, rows, bytes } = self;
        if let Some(last) = columns.len().checked_sub(1).and_then(|last| u16::try_from(last).ok()) {
            for (place, column) in (0_u16..).zip(&columns) {
                let width = u32::try_from(column.width.clamp(WIDTHS.0, WIDTHS.1)).unwrap_or(u32::MAX);
                sheet.set_column_width(place, width).doing(DOING)?;
            }
            sheet
                .autofilter(0, 0, rows - 1, last)
                .and_then(|sheet| {
                    // Numbers that are texts are meant to be.
                    sheet.ignore_error_range(0, 0, rows - 1, last, IgnoreError::NumberStoredAsText)
                })
                .doing(DOING)?;
        }
        workbook.push_worksheet(sheet);
        // Not always: some programs do not read such archives.
        workbook.use_zip_large_file(bytes > LARGE);
        guarded(|| workbook.save_to_writer(out).doing(DOING))
    }
}

fn require_short(text: &str, row: &str, column: &str) -> Result<()> {
    // No text has more units than bytes.
    if text.len() <= CELL_LENGTH || text.encode_utf16().count() <= CELL_LENGTH {
        return Ok(());
    }
    Err(Error::config(format!("a text that is longer than the {CELL_LENGTH} characters of a cell"))
        .at(format!("{row}, column {column}"))
        .hint("write CSV or Parquet, or cut it in the query: left(x, 32767)"))
}

/// Runs code of the library, which panics where a file cannot be written, and returns an error instead.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::new(Kind::Failed, "the sheet cannot be written: is the disk full?")))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    };
    use arrow::datatypes::{DataType, Field, Schema};
    use calamine::{Data, Range, Reader, Xlsx};

    use super::*;

    fn written(batches: &[RecordBatch]) -> Result<(Vec<u8>, Vec<String>)> {
        let folder = tempfile::tempdir().unwrap();
        let (mut out, mut changed) = (Vec::new(), ChangedCells::default());
        let mut writer = XlsxWriter::new(&batches[0].schema(), folder.path(), Instant::UNIX_EPOCH)?;
        for batch in batches {
            writer.write(batch, &mut changed)?;
        }
        writer.finish(&mut out)?;
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        Ok((out, changed.warnings().collect()))
    }

    fn read(bytes: &[u8]) -> (Range<Data>, Range<String>) {
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
        (book.worksheet_range("rows").unwrap(), book.worksheet_formula("rows").unwrap())
    }

    fn texts(texts: Vec<Option<&str>>) -> RecordBatch {
        let texts: ArrayRef = Arc::new(StringArray::from(texts));
        RecordBatch::try_from_iter_with_nullable([("text", texts, true)]).unwrap()
    }

    #[test]
    fn no_text_becomes_anything_else() {
        let all = [
            "0612345678",
            "+33612345678",
            "007",
            "97410",
            "1E5",
            "=1+1",
            "@SUM(A1)",
            "-2+3",
            "{=1}",
            "TRUE",
            "2026-06-01",
            "https://example.org",
            "mailto:a@example.org",
            "  blank  ",
            "two\nlines",
            "tab\t",
            "_x0041_",
            "<é&\">",
            "\u{1}",
            "4970100000000055",
            "123456789012345678901234567890",
        ];
        let (bytes, warnings) = written(&[texts(all.iter().copied().map(Some).collect())]).unwrap();
        assert_eq!(warnings.len(), 0);
        let (cells, formulas) = read(&bytes);
        assert!(formulas.used_cells().all(|(_, _, formula)| formula.is_empty()));
        let found: Vec<Data> = cells.rows().skip(1).map(|row| row[0].clone()).collect();
        let expected: Vec<Data> = all.iter().map(|text| Data::String((*text).to_owned())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn values_have_their_types_and_every_row_is_there() {
        let amounts = Decimal128Array::from(vec![Some(1250), None, Some(12_345_678_901_234_567)]);
        let noon = TimestampMicrosecondArray::from(vec![
            Some(1_780_315_200_000_000),
            None,
            Some(1_780_315_200_000_001),
        ]);
        let columns: [(&str, ArrayRef); 6] = [
            ("n", Arc::new(Int64Array::from(vec![Some(-7), None, Some(3)]))),
            ("amount", Arc::new(amounts.with_precision_and_scale(20, 2).unwrap())),
            ("share", Arc::new(Float64Array::from(vec![Some(0.1), None, None]))),
            ("agrees", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("born_on", Arc::new(Date32Array::from(vec![Some(20_605), None, Some(-30_000)]))),
            ("seen_at", Arc::new(noon.with_timezone("UTC"))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap();
        let (bytes, warnings) = written(&[batch.slice(0, 2), batch.slice(2, 1)]).unwrap();
        let (cells, _) = read(&bytes);
        assert_eq!(cells.height(), 4);
        let first = cells.rows().nth(1).unwrap();
        assert_eq!(first[..4], [Data::Float(-7.0), Data::Float(12.5), Data::Float(0.1), Data::Bool(true)]);
        let days = |cell: &Data| matches!(cell, Data::DateTime(days) if days.is_datetime());
        assert!(days(&first[4]) && days(&first[5]), "{first:?}");
        assert!(cells.rows().nth(2).unwrap().iter().all(|cell| *cell == Data::Empty));
        let last = cells.rows().nth(3).unwrap();
        assert_eq!(last[1], Data::String("123456789012345.67".to_owned()));
        assert_eq!(last[4], Data::String("1887-11-12".to_owned()));
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].ends_with("1 in amount, 1 in born_on"), "{warnings:?}");
        assert!(
            warnings[1].contains("milliseconds") && warnings[1].ends_with("1 in seen_at"),
            "{warnings:?}"
        );
        let (again, _) = written(&[batch]).unwrap();
        assert!(bytes == again, "the bytes of two writings differ");
    }

    #[test]
    fn rows_of_nulls_alone_and_a_sheet_without_rows_are_kept() {
        let (bytes, _) = written(&[texts(vec![Some("a"), None, None])]).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let sheet = std::io::read_to_string(archive.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
        assert_eq!(sheet.matches("<row ").count(), 4, "{sheet}");
        let (bytes, _) = written(&[texts(vec![])]).unwrap();
        assert_eq!(read(&bytes).0.rows().next().unwrap(), [Data::String("text".to_owned())]);
    }

    #[test]
    fn what_a_sheet_cannot_hold_is_refused_with_its_place() {
        let long = "x".repeat(CELL_LENGTH);
        assert!(written(&[texts(vec![Some(&long)])]).is_ok());
        let error = written(&[texts(vec![None, Some(&(long + "y"))])]).unwrap_err().to_string();
        assert!(error.contains("row 2, column text") && error.contains("32767"), "{error}");
        assert!(!error.contains("xy"));
        let fields: Vec<Field> =
            (0..=COLUMNS).map(|n| Field::new(n.to_string(), DataType::Int8, true)).collect();
        let made = XlsxWriter::new(&Arc::new(Schema::new(fields)), Path::new("."), Instant::UNIX_EPOCH);
        assert!(made.err().unwrap().to_string().contains("16385 columns"));
    }

    #[test]
    fn more_rows_than_a_sheet_has_are_refused() {
        let schema = texts(vec![]).schema();
        let mut writer = XlsxWriter::new(&schema, &std::env::temp_dir(), Instant::UNIX_EPOCH).unwrap();
        writer.rows = ROWS - 1;
        writer.write(&texts(vec![Some("the last")]), &mut ChangedCells::default()).unwrap();
        let error = writer.write(&texts(vec![None]), &mut ChangedCells::default()).unwrap_err().to_string();
        assert!(error.contains("more rows than a sheet has, which are 1048575"), "{error}");
    }
}
