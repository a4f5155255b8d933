//! How the text of a CSV file is written: what stands between its fields, and the bytes of its characters.

use serde::{Deserialize, Serialize};

use super::delimiter::Delimiter;
use super::text_encoding::TextEncoding;

/// Delimiter and encoding of a CSV file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    pub delimiter: Delimiter,
    pub encoding: TextEncoding,
}
