//! What a source promises of its rows, wherever they come from: columns with types, whose the rows are, how
//! long they are kept, what happens when reality differs.

pub mod column;
pub mod header_name;
pub mod person;
pub mod policy;
pub mod retention;
pub mod snapshot;
