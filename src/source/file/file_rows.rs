//! Room for the rows of one file, with what the file itself says of them: its name, its version, its folders.

use super::FileSource;
use super::columns::partition;
use super::format::Format;
use crate::error::Result;
use crate::source::row::decoder::Decoder;
use crate::source::row::rows::{RowOrigin, Rows};

/// Returns room for batches of at most `capacity` rows of a file.
///
/// # Errors
/// The file's folders do not tell what a column is to have from them.
pub fn rows_of_file(source: FileSource<'_>, file: &str, capacity: usize) -> Result<Rows> {
    let FileSource { name, contract, files } = source;
    let capacity = capacity.max(1);
    let mut decoders: Vec<Decoder> =
        contract.columns.iter().map(|column| Decoder::new(column, capacity)).collect();
    partition::set_partition_values(source, file, &mut decoders)?;
    let origin = RowOrigin {
        source: name,
        file,
        version: contract.has_versions().then(|| files.version_of(file)),
        spans_lines: files.format == Format::Csv,
        unfolded: files.rows.clone(),
    };
    Ok(Rows::new(&contract.columns, decoders, origin, capacity))
}
