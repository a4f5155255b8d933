//! The segments that audiences name, looked at when a plan is shown: those of tonight are not made yet, but a night
//! keeps the names of the last.

use super::plan::Plan;
use crate::audience;
use crate::error::{Context, Result};
use crate::ops::models;
use crate::pipeline::Pipeline;
use crate::sql_text::quoted;
use crate::step::{Step, declared_as};
use crate::warehouse::catalog::Catalog;

/// Refuses audiences that name a segment which the last release does not know. Where the segments are declared
/// otherwise than in that release, their names are only known once they are made.
///
/// # Errors
/// Every condition that names such a segment; tables that cannot be read.
pub(super) async fn look(plan: &Plan, pipeline: &Pipeline, released: Option<&Catalog>) -> Result<()> {
    let (lists, profiles) = (audience::table(audience::LISTS), audience::segment_profiles());
    let is_planned = plan.steps.iter().any(|planned| planned.step.tables_made().contains(&lists));
    let Some(released) = released.filter(|_| is_planned) else { return Ok(()) };
    let maker = pipeline.steps.values().find(|step| step.step().tables_made().contains(&profiles));
    let Some(maker) = maker else { return Ok(()) };
    let is_there =
        released.table(&profiles).await?.is_some() && released.table(&models::table()).await?.is_some();
    if !is_there || !is_declared_so(released, pipeline, maker.step().as_ref()).await? {
        return Ok(());
    }
    let known = audience::require_released(released, pipeline.audiences()).await;
    known.map_err(|error| pipeline.sql_origins.place(error))
}

/// Returns whether the last release's models of this kind were declared as the pipeline says now.
async fn is_declared_so(released: &Catalog, pipeline: &Pipeline, maker: &dyn Step) -> Result<bool> {
    let doing = "look how the segments of the last release were declared";
    let session = released.session([&models::table()], None).await?;
    let sql = format!(
        "select 1 from {} where name = {} and note = {} and run =
           (select max(run) from {0} where kind = {} and pipeline = {})",
        models::table(),
        quoted(models::DECLARED),
        quoted(&declared_as(maker)),
        quoted(maker.kind()),
        quoted(&pipeline.name),
    );
    Ok(session.sql(&sql).await.doing(doing)?.count().await.doing(doing)? > 0)
}
