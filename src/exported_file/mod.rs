//! Files of rows outside the warehouse, for spreadsheets and other programs.
//!
//! What writes them and what takes an erased person out of them again must agree on how they are written:
//! `dialect` is the delimiter and the encoding of a CSV file, `delimited` puts fields into records,
//! `formula_injection` makes cells harmless that a spreadsheet would carry out.

mod delimited;
mod delimiter;
mod dialect;
mod formula_injection;
mod text_encoding;

pub use delimited::write_record;
pub use delimiter::Delimiter;
pub use dialect::Dialect;
pub use formula_injection::{neutralised, original};
pub use text_encoding::{TextEncoding, Unmappable};
