//! Opens a warehouse; its format is checked first.

use super::format;
use super::location::Warehouse;
use crate::error::Result;

impl Warehouse {
    /// Opens the warehouse for reading; one that does not exist is an error.
    pub async fn open(location: &str) -> Result<Self> {
        let warehouse = Self::at(location)?;
        format::require(&warehouse).await?;
        warehouse.require_release_of_shelf().await?;
        Ok(warehouse)
    }

    /// Opens the warehouse, making it first if the place is empty.
    pub async fn open_or_create(location: &str) -> Result<Self> {
        let warehouse = Self::at(location)?;
        format::require_or_create(&warehouse).await?;
        Ok(warehouse)
    }
}
