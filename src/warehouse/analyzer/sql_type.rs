//! Types as SQL names them.

use arrow::datatypes::DataType;

/// Returns a type as SQL names it.
pub(super) fn sql_type(kind: &DataType) -> String {
    match kind {
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::UInt64 => "bigint unsigned".to_owned(),
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => format!("decimal({digits}, {scale})"),
        other => other.to_string(),
    }
}
