//! The engine with the functions that sillage adds to SQL.

use crate::error::Result;
use crate::holiday;
use crate::identity;
use crate::pipeline::Pipeline;
use crate::placeholder_value::PlaceholderValues;
use crate::warehouse::Warehouse;
use crate::warehouse::engine::{Engine, Limits};

/// The engine for what users ask: DataFusion's functions and our own.
///
/// # Errors
/// No private folder for spilled rows can be created.
pub fn engine(limits: Limits, warehouse: &Warehouse) -> Result<Engine> {
    engine_with(limits, warehouse, &PlaceholderValues::default())
}

/// The engine for what a pipeline declares.
///
/// # Errors
/// The same.
pub fn engine_of(pipeline: &Pipeline, limits: Limits, warehouse: &Warehouse) -> Result<Engine> {
    Ok(engine_with(limits, warehouse, &pipeline.placeholders())?.in_zone(pipeline.timezone))
}

fn engine_with(limits: Limits, warehouse: &Warehouse, placeholders: &PlaceholderValues) -> Result<Engine> {
    let functions = [identity::sql_functions(placeholders), holiday::functions()].concat();
    Ok(Engine::new(limits, warehouse)?.with_functions(functions))
}
