//! The columns that a file has, held against the declared ones before its rows are read.

pub mod drift;
pub mod evolution;
pub mod nearest_column;
pub mod partition;
pub mod survey;
