//! Opens a warehouse; its format is checked first.

use super::format;
use super::location::Warehouse;
use crate::error::Result;

impl Warehouse {
    /// Opens the warehouse for reading.
    ///
    /// # Errors
    /// A place without a warehouse, a format that is not this one, a release whose file was deleted.
    pub async fn open(location: &str) -> Result<Self> {
        let warehouse = Self::at(location)?;
        format::require(&warehouse).await?;
        warehouse.require_release_of_shelf().await?;
        Ok(warehouse)
    }

    /// Opens the warehouse, making it first if the place is empty.
    ///
    /// # Errors
    /// A place that holds other files, a format that is not this one.
    pub async fn open_or_create(location: &str) -> Result<Self> {
        let warehouse = Self::at(location)?;
        format::require_or_create(&warehouse).await?;
        Ok(warehouse)
    }
}
