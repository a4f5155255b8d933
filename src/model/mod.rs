//! Models: one `sql/<pipeline>/<schema>/<table>.sql` file, one SELECT, one table.

mod dated;
mod definition;
mod folder;
mod nesting;
pub mod sql;
mod step;
mod time_column;

pub use dated::Dating;
pub use definition::Model;
pub use folder::{Models, PropertiesFile, load};
pub use step::ModelStep;
