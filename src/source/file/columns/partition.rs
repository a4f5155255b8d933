//! Hive partitions: columns whose value is in folder names, `day=2026-01-31/part-0.parquet`.

use crate::error::{Error, Result};
use crate::source::contract::column::{Column, From};
use crate::source::contract::policy::OnDrift;
use crate::source::file::FileSource;
use crate::source::file::listing::place::percent_decoded;
use crate::source::row::decoder::Decoder;
use crate::source::row::fault_reason::text_of;

/// The folder of rows without a value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Gives the decoders of such columns the value that all records of the file have.
///
/// # Errors
/// A missing folder, or one whose name does not fit the column's type.
pub(in crate::source) fn set_partition_values(
    source: FileSource<'_>,
    file: &str,
    decoders: &mut [Decoder],
) -> Result<()> {
    Error::all(
        decoders.iter_mut().filter_map(|decoder| set_partition_value(source, file, decoder).err()).collect(),
    )
}

fn set_partition_value(source: FileSource<'_>, file: &str, decoder: &mut Decoder) -> Result<()> {
    let column = decoder.column().clone();
    let From::Partition(name) = &column.from else { return Ok(()) };
    let value = value(source, file, name)?;
    if value != NO_VALUE {
        decoder.set_file_value(value.as_bytes());
    }
    // Once, for all records: what does not fit is a fault of the path, not of a record.
    let fits = decoder.push_absent();
    decoder.truncate(0);
    fits.map_err(|fault| {
        let found = if value == NO_VALUE { "no value".to_owned() } else { text_of(value.as_bytes()) };
        Error::failed(format!(
            "the folder `{name}=…` does not fit the column {}: {}",
            column.name,
            fault.reason(&column, &found)
        ))
        .hint("declare a type that fits the names of the folders, or exclude the folder with `path`")
    })
}

fn value(source: FileSource<'_>, file: &str, name: &str) -> Result<String> {
    let mut values: Vec<String> = path_folders(&source.files.path, file)
        .chain(folders(file))
        .filter_map(partition)
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value)
        .collect();
    match values.len() {
        1 => Ok(values.remove(0)),
        0 => Err(Error::failed(format!("the file is in no folder `{name}=…`"))
            .hint("a column is declared from this folder: check `path`")),
        _ => Err(Error::failed(format!("the file is in more than one folder `{name}=…`"))),
    }
}

/// Applies the drift policy to undeclared partition folders.
///
/// # Errors
/// What the policy or [`set_partition_values`] refuses.
pub fn check(source: FileSource<'_>, file: &str) -> Result<()> {
    let mut decoders: Vec<Decoder> =
        source.contract.columns.iter().map(|column| Decoder::new(column, 1)).collect();
    let mut errors: Vec<Error> =
        set_partition_values(source, file, &mut decoders).err().into_iter().collect();
    let declared = |name: &String, column: &Column| match &column.from {
        From::Partition(partition) => partition == name,
        _ => column.source_names().contains(name),
    };
    if source.contract.on_drift != OnDrift::Ignore {
        for (name, _) in folders(file).filter_map(partition) {
            if !source.contract.leaves_out(&name)
                && !source.contract.columns.iter().any(|column| declared(&name, column))
            {
                errors.push(
                    Error::failed(format!(
                        "the file is in a folder `{name}=…`, an undeclared column"
                    ))
                    .hint(format!(
                        "declare it with from = {{ partition = \"{name}\" }}, or list it in ignore_columns"
                    )),
                );
            }
        }
    }
    Error::all(errors)
}

/// Returns the folders of a file below that of its source.
fn folders(file: &str) -> impl Iterator<Item = &str> {
    let folders = file.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders.split('/')
}

/// Returns the folders that the declared path names without a pattern.
fn path_folders<'p>(path: &'p str, file: &'p str) -> impl Iterator<Item = &'p str> {
    let fixed = path.split('/').take_while(|part| !part.contains(['*', '?', '[']));
    fixed.filter(move |part| *part != file)
}

/// Returns the name and the value of a folder that is a partition; special characters are written `%2F`.
fn partition(folder: &str) -> Option<(String, String)> {
    let (name, value) = folder.split_once('=')?;
    (!name.is_empty()).then(|| (percent_decoded(name), percent_decoded(value)))
}
