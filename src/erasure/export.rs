//! Removes the rows of a person from files that sillage wrote outside the warehouse.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use arrow::array::BooleanArray;
use arrow::compute::{filter_record_batch, not};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::erased_person::ErasedPerson;
use super::identifying_values::{CUSTOMER_ID, IdentifyingValues};
use super::receipt::CleanedFile;
use super::{delimited, workbook};
use crate::error::{Context, Result};
use crate::exported_file::Dialect;
use crate::storage::atomic_file::AtomicFile;
use crate::storage::permission::Permission;

const NO_CUSTOMER_ID: &str = "it has no column customer_id: only rows that hold an identifier were found";
const NOT_OURS: &str = "it was changed after sillage wrote it: check it yourself";
const READING: &str = "read the file";
const OTHER_NAMES: &str = "it has hard links under other names, which still contain the rows";

/// Removes the person's rows from the file, which is replaced as a whole or not at all. Rows belong to the
/// person by
/// `customer_id`; in a file without that column, by a value that identifies them. `format` and
/// `dialect` are how the file was written, where that is known. What a link leads to is cleaned, and the link stays.
///
/// # Errors
/// A file that cannot be read, or that cannot be replaced.
pub fn clean_file(
    path: &str,
    format: Option<&str>,
    dialect: Option<Dialect>,
    subject: &ErasedPerson,
) -> Result<CleanedFile> {
    let doing = || format!("remove the person from {path}");
    let report =
        |rows, look: Option<&str>| CleanedFile { path: path.to_owned(), rows, look: look.map(str::to_owned) };
    let real = match Path::new(path).canonicalize() {
        Ok(real) => real,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(report(None, None)),
        Err(e) => return Err(e).doing(doing()),
    };
    let metadata = fs::metadata(&real).doing(doing())?;
    if !metadata.is_file() {
        return Ok(report(Some(0), Some(NOT_OURS)));
    }
    let beside = AtomicFile::create(&real, Permission::OWNER).doing(doing())?;
    let values = IdentifyingValues::of(subject);
    let cleaned = cleaned(&real, (format, dialect), beside.file(), &values).doing(doing())?;
    let Some(Cleaned { rows, look }) = cleaned else { return Ok(report(Some(0), Some(NOT_OURS))) };
    if rows > 0 {
        beside.readable_like(&metadata).and_then(|()| beside.finish()).doing(doing())?;
    }
    let look = if rows > 0 && has_other_names(&metadata) { Some(OTHER_NAMES) } else { look };
    Ok(report(Some(rows), look))
}

#[cfg(unix)]
fn has_other_names(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

#[cfg(not(unix))]
fn has_other_names(_: &fs::Metadata) -> bool {
    false
}

/// What was left out of a file.
#[derive(Debug, Default)]
struct Cleaned {
    rows: u64,
    look: Option<&'static str>,
}

/// Returns what is left out of the new file; `None` for a file that cannot be parsed.
fn cleaned(
    path: &Path,
    (format, dialect): (Option<&str>, Option<Dialect>),
    to: &File,
    values: &IdentifyingValues,
) -> Result<Option<Cleaned>> {
    let mut file = File::open(path).doing(READING)?;
    let mut magic = [0; 4];
    let is_parquet = match file.read_exact(&mut magic) {
        Ok(()) => &magic == b"PAR1",
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => false,
        Err(e) => return Err(e).doing(READING),
    };
    let file = File::open(path).doing(READING)?;
    let mut out = BufWriter::new(to);
    let ending = path.extension().and_then(|ending| ending.to_str());
    let found = match format.or(ending) {
        _ if is_parquet => parquet(file, &mut out, values)?,
        Some("json" | "jsonl" | "ndjson") => json(file, &mut out, values)?,
        Some("csv") => {
            let mut rows = Rows::of(values);
            delimited::copy_without(file, &mut out, dialect.unwrap_or_default(), |cells| {
                rows.is_erased(cells)
            })?
            .map(|count| rows.cleaned(count))
        }
        Some("xlsx") => {
            let mut rows = Rows::of(values);
            workbook::copy_without(file, &mut out, |cells| rows.is_erased(cells))?
                .map(|count| rows.cleaned(count))
        }
        _ => table(file, &mut out, values)?,
    };
    out.flush().doing("write next to the file")?;
    Ok(found)
}

fn parquet(file: File, out: &mut BufWriter<&File>, values: &IdentifyingValues) -> Result<Option<Cleaned>> {
    let doing = "read Parquet";
    let builder = match ParquetRecordBatchReaderBuilder::try_new(file) {
        Ok(builder) => builder,
        Err(error @ ParquetError::External(_)) => return Err(error).doing(doing),
        Err(_) => return Ok(None),
    };
    let schema = builder.schema().clone();
    let id = schema.index_of(CUSTOMER_ID).ok();
    let mut writer = ArrowWriter::try_new(out, schema, None).doing("write Parquet")?;
    let mut rows = 0;
    // A null is not a text.
    let options = FormatOptions::default().with_display_error(true);
    for batch in builder.build().doing(doing)? {
        let batch = batch.doing(doing)?;
        // Texts whatever their encoding, numbers, and lists and structs as they are shown.
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>().doing(doing)?;
        let erased: BooleanArray = (0..batch.num_rows())
            .map(|row| {
                let cell = |column: usize| columns[column].value(row).to_string();
                let cells = (0..columns.len()).map(|column| Cow::Owned(cell(column)));
                Some(values.are_in(id.map(cell).as_deref(), cells))
            })
            .collect();
        rows += erased.true_count() as u64;
        let others = not(&erased).and_then(|others| filter_record_batch(&batch, &others)).doing(doing)?;
        writer.write(&others).doing("write Parquet")?;
    }
    writer.close().doing("write Parquet")?;
    Ok(Some(Cleaned { rows, look: id.is_none().then_some(NO_CUSTOMER_ID) }))
}

/// The rows of a file below its header.
struct Rows<'v> {
    values: &'v IdentifyingValues,
    is_header: bool,
    /// The place of the customer ids.
    id: Option<usize>,
}

impl<'v> Rows<'v> {
    fn of(values: &'v IdentifyingValues) -> Self {
        Rows { values, is_header: true, id: None }
    }

    fn is_erased(&mut self, cells: &[Cow<'_, str>]) -> bool {
        if std::mem::take(&mut self.is_header) {
            self.id = cells.iter().position(|name| name == CUSTOMER_ID);
            return false;
        }
        let own = self.id.and_then(|id| cells.get(id)).map(AsRef::as_ref);
        self.values.are_in(own, cells.iter().map(|cell| Cow::Borrowed(cell.as_ref())))
    }

    fn cleaned(&self, rows: u64) -> Cleaned {
        Cleaned { rows, look: self.id.is_none().then_some(NO_CUSTOMER_ID) }
    }
}

fn json(file: File, out: &mut BufWriter<&File>, values: &IdentifyingValues) -> Result<Option<Cleaned>> {
    let mut cleaned = Cleaned::default();
    for line in BufReader::new(file).lines() {
        let Some(line) = text(line)? else { return Ok(None) };
        let Ok(serde_json::Value::Object(row)) = serde_json::from_str(&line) else { return Ok(None) };
        let own = row.get(CUSTOMER_ID);
        if own.is_none() {
            cleaned.look = Some(NO_CUSTOMER_ID);
        }
        let mut cells = Vec::new();
        row.iter().for_each(|(name, value)| texts(name, value, &mut cells));
        let own = own.and_then(|id| id.as_str());
        if values.are_in(own, cells.iter().map(|cell| Cow::Borrowed(cell.as_str()))) {
            cleaned.rows += 1;
        } else {
            writeln!(out, "{line}").doing("write JSON lines")?;
        }
    }
    Ok(Some(cleaned))
}

/// Returns a line; `None` when it is not a text.
fn text(line: std::io::Result<String>) -> Result<Option<String>> {
    match line {
        Err(e) if e.kind() == ErrorKind::InvalidData => Ok(None),
        line => line.map(Some).doing(READING),
    }
}

/// Every text, number and name in a value, however deep.
fn texts(name: &str, value: &serde_json::Value, found: &mut Vec<String>) {
    found.push(name.to_owned());
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Number(number) => found.push(number.to_string()),
        serde_json::Value::Array(values) => values.iter().for_each(|value| texts(name, value, found)),
        serde_json::Value::Object(row) => row.iter().for_each(|(name, value)| texts(name, value, found)),
        serde_json::Value::Null | serde_json::Value::Bool(_) => {}
    }
}

/// Returns a table as it is drawn on the screen. An older sillage let line breaks into its cells: a line that
/// goes on with the row before it goes with that row.
fn table(file: File, out: &mut BufWriter<&File>, values: &IdentifyingValues) -> Result<Option<Cleaned>> {
    let mut cleaned = Cleaned { rows: 0, look: Some(NO_CUSTOMER_ID) };
    let (mut id, mut row, mut is_erased) = (None, Vec::new(), false);
    let mut write = |row: &mut Vec<String>, is_erased: bool| {
        cleaned.rows += u64::from(is_erased && !row.is_empty());
        let mut kept = row.drain(..).filter(|_| !is_erased);
        kept.try_for_each(|line| writeln!(out, "{line}")).doing("write the table")
    };
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let Some(line) = text(line)? else { return Ok(None) };
        if number == 0 && !line.starts_with('+') {
            return Ok(None);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if number == 1 {
            id = cells.iter().position(|cell| *cell == CUSTOMER_ID);
        }
        let own = id.and_then(|id| cells.get(id)).copied();
        let goes_on = match own {
            _ if number < 3 || line.starts_with('+') => false,
            Some(own) => own.is_empty(),
            // Without an id only the first cell decides, which may be null.
            None => cells.get(1).is_some_and(|cell| cell.is_empty()),
        };
        if !goes_on {
            write(&mut row, is_erased)?;
            is_erased = false;
        }
        let all = || cells.iter().map(|cell| Cow::Borrowed(*cell));
        // A cell with a `|` in it moves the others.
        is_erased =
            is_erased || values.are_in(own, all()) || cells.iter().any(|cell| values.is_customer(cell));
        row.push(line);
    }
    write(&mut row, is_erased)?;
    if id.is_some() {
        cleaned.look = None;
    }
    Ok(Some(cleaned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Identifier;

    fn ada() -> ErasedPerson {
        let identifiers = [("customer_id", "c1"), ("email", "ada@example.org"), ("card", "7")];
        let identifiers = identifiers.map(|(kind, value)| Identifier::new(kind, value)).into();
        ErasedPerson { identifiers, customers: 1, unknown: 0 }
    }

    fn left(name: &str, text: &str) -> (CleanedFile, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let report = clean_file(path.to_str().unwrap(), None, None, &ada()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        (report, fs::read_to_string(path).unwrap())
    }

    #[test]
    fn a_list_loses_the_rows_of_the_customer() {
        let (report, text) =
            left("list.csv", "rank,customer_id,note\n1,c1,\"x, y\"\n2,c2,\"ada@example.org, z\"\n");
        assert_eq!((report.rows, report.look), (Some(1), None));
        assert_eq!(text, "rank,customer_id,note\n2,c2,\"ada@example.org, z\"\n");
        let (report, text) = left("list.jsonl", "{\"customer_id\":\"c2\"}\n{\"customer_id\":\"c1\"}\n");
        assert_eq!((report.rows, text.as_str()), (Some(1), "{\"customer_id\":\"c2\"}\n"));
        let drawn = "+----+\n| customer_id |\n+----+\n| c1 |\n| c2 |\n+----+\n";
        let (report, text) = left("list.txt", drawn);
        assert_eq!((report.rows, text.contains("c1")), (Some(1), false));
    }

    #[test]
    fn a_file_without_customers_is_searched_and_told() {
        let (report, text) = left("mails.csv", "email,orders\nAda@Example.org,7\nbob@example.org,7\n");
        assert_eq!((report.rows, report.look.as_deref()), (Some(1), Some(NO_CUSTOMER_ID)));
        assert_eq!(text, "email,orders\nbob@example.org,7\n");
    }

    #[test]
    fn what_is_not_ours_stays_as_it_is_and_is_reported() {
        let (report, text) = left("notes.txt", "ada@example.org wrote\n");
        assert_eq!((report.rows, report.look.as_deref()), (Some(0), Some(NOT_OURS)));
        assert_eq!(text, "ada@example.org wrote\n");
        let gone = clean_file("no/such/file.csv", None, None, &ada()).unwrap();
        assert_eq!((gone.rows, gone.look), (None, None));
    }

    #[test]
    fn a_drawn_row_of_several_lines_goes_whole() {
        let drawn = "+---+----+\n| customer_id | note |\n+---+----+\n| c2 | x |\n| c1 | ada |\n|    | second |\n\
                     | c3 | y |\n+---+----+\n";
        let (report, text) = left("list.txt", drawn);
        assert_eq!((report.rows, report.look), (Some(1), None));
        assert!(!text.contains("second") && text.contains("c2") && text.contains("c3"), "{text}");
    }

    #[test]
    fn a_format_that_is_known_counts_and_not_the_ending() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        fs::write(&path, "customer_id\nc1\nc2\n").unwrap();
        let report = clean_file(path.to_str().unwrap(), Some("csv"), None, &ada()).unwrap();
        assert_eq!((report.rows, report.look), (Some(1), None));
    }

    #[test]
    fn who_stands_deeper_or_in_a_text_is_found() {
        let (report, text) = left(
            "a.jsonl",
            "{\"who\":[{\"mail\":\"Ada@example.org\"}]}\n{\"note\":\"call ada@example.org, please\"}\n\
             {\"note\":\"bada@example.org\"}\n",
        );
        assert_eq!((report.rows, text.lines().count()), (Some(2), 1));
    }

    #[test]
    fn ids_are_found_whatever_their_encoding() {
        use arrow::array::{ArrayRef, DictionaryArray, ListArray, RecordBatch};
        use arrow::datatypes::Int32Type;
        use std::sync::Arc;
        let ids: DictionaryArray<Int32Type> = [Some("c1"), Some("c2"), None].into_iter().collect();
        let mails = [Some("x@y.org"), Some("ada@example.org"), Some("ada@example.org")];
        let mails: DictionaryArray<Int32Type> = mails.into_iter().collect();
        let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]); 3]);
        let columns: [(&str, ArrayRef); 3] =
            [("customer_id", Arc::new(ids)), ("mail", Arc::new(mails)), ("n", Arc::new(numbers))];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let report = clean_file(path.to_str().unwrap(), None, None, &ada()).unwrap();
        // The second is somebody else's, the third nobody's, and names her.
        assert_eq!((report.rows, report.look), (Some(2), None));
    }

    #[cfg(unix)]
    #[test]
    fn what_a_link_leads_to_is_cleaned_and_keeps_its_readers() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("moved.csv"), folder.path().join("list.csv"));
        fs::write(&real, "customer_id\nc1\n").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        let report = clean_file(link.to_str().unwrap(), None, None, &ada()).unwrap();
        assert_eq!((report.rows, report.look), (Some(1), None));
        assert_eq!(fs::read_to_string(&real).unwrap(), "customer_id\n");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::write(&real, "customer_id\nc1\n").unwrap();
        fs::hard_link(&real, folder.path().join("other.csv")).unwrap();
        let report = clean_file(real.to_str().unwrap(), None, None, &ada()).unwrap();
        assert_eq!((report.rows, report.look.as_deref()), (Some(1), Some(OTHER_NAMES)));
    }
}
