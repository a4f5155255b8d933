//! Models: one `sql/<pipeline>/<schema>/<table>.sql` file, one SELECT, one table.

mod definition;
mod folder;
mod nesting;
pub mod sql;
mod step;
mod time_column_check;
mod time_lineage;

pub use definition::Model;
pub use folder::{Models, PropertiesFile, load};
pub use step::ModelStep;
pub use time_column_check::Dating;
