//! Files that sillage wrote outside the warehouse: the rows of a person taken out of them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::{cast, filter_record_batch, not};
use arrow::datatypes::DataType;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::identifier::normal;
use super::receipt::CleanedFile;
use super::subject::Subject;
use crate::error::{Context, Result};

const CUSTOMER_ID: &str = "customer_id";
/// A shorter value may stand for anything in a file that does not say whose its rows are.
const TELLING_CHARACTERS: usize = 5;
const NO_CUSTOMER_ID: &str = "it has no column customer_id: only rows that hold an identifier were found";
const NOT_OURS: &str = "it is not as sillage wrote it: look yourself";

/// Takes the person's rows out of the file, which is replaced whole or not at all. Rows are theirs by
/// `customer_id`; in a file without that column, by a value that identifies them.
pub fn clean_file(path: &str, subject: &Subject) -> Result<CleanedFile> {
    let doing = || format!("take the person out of {path}");
    let told =
        |rows, look: Option<&str>| CleanedFile { path: path.to_owned(), rows, look: look.map(str::to_owned) };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(told(None, None)),
        Err(e) => return Err(e).doing(doing()),
    };
    let partial = format!("{path}.part");
    let values = Values::of(subject);
    let cleaned = cleaned(file, Path::new(path), &partial, &values).doing(doing());
    match cleaned {
        Ok(Some((rows, by_id))) => {
            if rows > 0 {
                fs::rename(&partial, path).doing(doing())?;
            } else {
                fs::remove_file(&partial).doing(doing())?;
            }
            Ok(told(Some(rows), (!by_id).then_some(NO_CUSTOMER_ID)))
        }
        Ok(None) => {
            let _ = fs::remove_file(&partial);
            Ok(told(Some(0), Some(NOT_OURS)))
        }
        Err(error) => {
            let _ = fs::remove_file(&partial);
            Err(error)
        }
    }
}

/// The values by which a row is theirs.
struct Values {
    customers: BTreeSet<String>,
    telling: BTreeSet<String>,
}

impl Values {
    fn of(subject: &Subject) -> Self {
        let all = || subject.identifiers.iter();
        let telling = all().map(|i| &i.value).filter(|v| v.chars().count() >= TELLING_CHARACTERS);
        Values {
            customers: all().filter(|i| i.kind == CUSTOMER_ID).map(|i| i.value.clone()).collect(),
            telling: telling.cloned().collect(),
        }
    }

    fn is_customer(&self, cell: &str) -> bool {
        self.customers.contains(&normal(cell))
    }

    fn tells(&self, cell: &str) -> bool {
        self.telling.contains(&normal(cell))
    }
}

/// How many rows were left out of the new file, and whether by `customer_id`; `None` for a file that
/// cannot be taken apart.
fn cleaned(mut file: File, path: &Path, to: &str, values: &Values) -> Result<Option<(u64, bool)>> {
    let doing = "read the file";
    let mut magic = [0; 4];
    let is_parquet = file.read_exact(&mut magic).is_ok() && &magic == b"PAR1";
    let file = File::open(path).doing(doing)?;
    let mut out = BufWriter::new(File::create(to).doing("write beside the file")?);
    let found = if is_parquet {
        parquet(file, &mut out, values)?
    } else {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("json" | "jsonl" | "ndjson") => json(file, &mut out, values)?,
            Some("csv") => csv(file, &mut out, values)?,
            _ => table(file, &mut out, values)?,
        }
    };
    out.flush().doing("write beside the file")?;
    Ok(found)
}

fn parquet(file: File, out: &mut BufWriter<File>, values: &Values) -> Result<Option<(u64, bool)>> {
    let doing = "read Parquet";
    let Ok(builder) = ParquetRecordBatchReaderBuilder::try_new(file) else { return Ok(None) };
    let schema = builder.schema().clone();
    let by_id = schema.field_with_name(CUSTOMER_ID).is_ok();
    let mut writer = ArrowWriter::try_new(out, schema, None).doing("write Parquet")?;
    let mut rows = 0;
    for batch in builder.build().doing(doing)? {
        let batch = batch.doing(doing)?;
        let mut theirs = vec![false; batch.num_rows()];
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let is_text =
                matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
            if (by_id && field.name() != CUSTOMER_ID) || !is_text {
                continue;
            }
            let column = cast(column, &DataType::Utf8).doing(doing)?;
            for (theirs, cell) in theirs.iter_mut().zip(column.as_string::<i32>()) {
                let found = cell
                    .is_some_and(|cell| if by_id { values.is_customer(cell) } else { values.tells(cell) });
                *theirs = *theirs || found;
            }
        }
        let theirs = BooleanArray::from(theirs);
        rows += theirs.true_count() as u64;
        let others = not(&theirs).and_then(|others| filter_record_batch(&batch, &others)).doing(doing)?;
        writer.write(&others).doing("write Parquet")?;
    }
    writer.close().doing("write Parquet")?;
    Ok(Some((rows, by_id)))
}

fn csv(file: File, out: &mut BufWriter<File>, values: &Values) -> Result<Option<(u64, bool)>> {
    let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let mut writer = ::csv::WriterBuilder::new().flexible(true).from_writer(out);
    let Ok(header) = reader.byte_headers().cloned() else { return Ok(None) };
    let id = header.iter().position(|name| name == CUSTOMER_ID.as_bytes());
    writer.write_byte_record(&header).doing("write CSV")?;
    let mut rows = 0;
    for record in reader.byte_records() {
        let Ok(record) = record else { return Ok(None) };
        let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
        let theirs = match id {
            Some(id) => record.get(id).is_some_and(|cell| values.is_customer(&text(cell))),
            None => record.iter().any(|cell| values.tells(&text(cell))),
        };
        if theirs {
            rows += 1;
        } else {
            writer.write_byte_record(&record).doing("write CSV")?;
        }
    }
    writer.flush().doing("write CSV")?;
    Ok(Some((rows, id.is_some())))
}

fn json(file: File, out: &mut BufWriter<File>, values: &Values) -> Result<Option<(u64, bool)>> {
    let (mut rows, mut by_id) = (0, true);
    for line in BufReader::new(file).lines() {
        let line = line.doing("read JSON lines")?;
        let Ok(serde_json::Value::Object(row)) = serde_json::from_str(&line) else { return Ok(None) };
        let theirs = match row.get(CUSTOMER_ID) {
            Some(id) => id.as_str().is_some_and(|id| values.is_customer(id)),
            None => {
                by_id = false;
                row.values().filter_map(|cell| cell.as_str()).any(|cell| values.tells(cell))
            }
        };
        if theirs {
            rows += 1;
        } else {
            writeln!(out, "{line}").doing("write JSON lines")?;
        }
    }
    Ok(Some((rows, by_id)))
}

/// A table as it is drawn on the screen, one row a line.
fn table(file: File, out: &mut BufWriter<File>, values: &Values) -> Result<Option<(u64, bool)>> {
    let (mut rows, mut by_id) = (0, false);
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.doing("read the table")?;
        if number == 0 && !line.starts_with('+') {
            return Ok(None);
        }
        let cells = || line.split('|').map(str::trim);
        by_id = by_id || (number == 1 && cells().any(|cell| cell == CUSTOMER_ID));
        let theirs = cells().any(|cell| values.is_customer(cell) || (!by_id && values.tells(cell)));
        if theirs {
            rows += 1;
        } else {
            writeln!(out, "{line}").doing("write the table")?;
        }
    }
    Ok(Some((rows, by_id)))
}

#[cfg(test)]
mod tests {
    use super::super::identifier::Identifier;
    use super::*;

    fn ada() -> Subject {
        let identifiers = [("customer_id", "c1"), ("email", "ada@example.org"), ("card", "7")];
        let identifiers = identifiers.map(|(kind, value)| Identifier::new(kind, value)).into();
        Subject { identifiers, customers: 1 }
    }

    fn left(name: &str, text: &str) -> (CleanedFile, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let told = clean_file(path.to_str().unwrap(), &ada()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        (told, fs::read_to_string(path).unwrap())
    }

    #[test]
    fn a_list_loses_the_rows_of_the_customer() {
        let (told, text) =
            left("list.csv", "rank,customer_id,note\n1,c1,\"x, y\"\n2,c2,\"ada@example.org, z\"\n");
        assert_eq!((told.rows, told.look), (Some(1), None));
        assert_eq!(text, "rank,customer_id,note\n2,c2,\"ada@example.org, z\"\n");
        let (told, text) = left("list.jsonl", "{\"customer_id\":\"c2\"}\n{\"customer_id\":\"c1\"}\n");
        assert_eq!((told.rows, text.as_str()), (Some(1), "{\"customer_id\":\"c2\"}\n"));
        let drawn = "+----+\n| customer_id |\n+----+\n| c1 |\n| c2 |\n+----+\n";
        let (told, text) = left("list.txt", drawn);
        assert_eq!((told.rows, text.contains("c1")), (Some(1), false));
    }

    #[test]
    fn a_file_without_customers_is_searched_and_told() {
        let (told, text) = left("mails.csv", "email,orders\nAda@Example.org,7\nbob@example.org,7\n");
        assert_eq!((told.rows, told.look.as_deref()), (Some(1), Some(NO_CUSTOMER_ID)));
        assert_eq!(text, "email,orders\nbob@example.org,7\n");
    }

    #[test]
    fn what_is_not_ours_stays_as_it_is_and_is_told() {
        let (told, text) = left("notes.txt", "ada@example.org wrote\n");
        assert_eq!((told.rows, told.look.as_deref()), (Some(0), Some(NOT_OURS)));
        assert_eq!(text, "ada@example.org wrote\n");
        let gone = clean_file("no/such/file.csv", &ada()).unwrap();
        assert_eq!((gone.rows, gone.look), (None, None));
    }
}
