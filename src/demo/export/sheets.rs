//! The sheets of one export, finished and counted together.

use crate::demo::output::{Rows, Sheet};
use crate::error::Result;

pub(super) fn finish_sheets(
    name: &str,
    sheets: impl IntoIterator<Item = Sheet>,
    rows: &mut Rows,
) -> Result<()> {
    let mut sum = 0;
    for sheet in sheets {
        sum += sheet.finish()?;
    }
    rows.insert(name.to_owned(), sum);
    Ok(())
}
