//! Dismissing refused records for good: a release that says so of each, with who and why.

use datafusion::prelude::DataFrame;

use super::engine::engine;
use crate::error::{Context, Result};
use crate::ops::quarantine::{self, DISMISSED_BECAUSE, DISMISSED_BY, RecordState};
use crate::sql_text::quoted;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::engine::Limits;
use crate::warehouse::lock::Wait;
use crate::warehouse::release::Origin;
use crate::warehouse::stage::{Layout, Mode};

/// Who dismisses, and why.
#[derive(Debug, Clone)]
pub struct Dismissal {
    pub by: String,
    pub because: String,
}

/// What was dismissed.
#[derive(Debug)]
pub struct Dismissed {
    pub records: u64,
    /// The release that says so; none where nothing waited.
    pub release: Option<u64>,
}

/// Dismisses the records that wait and that the condition, over `record_status`, holds for.
///
/// # Errors
/// A warehouse that another process holds or that has no release; a condition that does not plan; another run
/// that decided the release first.
pub async fn dismiss(
    warehouse: &Warehouse,
    chosen: &str,
    dismissal: &Dismissal,
    limits: Limits,
    wait: Wait,
) -> Result<Dismissed> {
    let held = async |lock: &crate::warehouse::lock::Lock| {
        warehouse.recover(lock).await?;
        let last = warehouse.require_last_release().await?;
        let engine = engine(limits, warehouse)?;
        let catalog = Catalog::new(warehouse.clone(), engine, Some(&last), Default::default());
        let Some(rows) = dismissals(&catalog, chosen, dismissal, last.release + 1).await? else {
            return Ok(Dismissed { records: 0, release: None });
        };
        let staged = warehouse.stage(&quarantine::table(), Mode::Append, Layout::Parallel, rows).await?;
        if staged.rows == 0 {
            return Ok(Dismissed { records: 0, release: None });
        }
        let records = staged.rows;
        let release =
            warehouse.publish(lock, warehouse.upkeep(&last, Origin::Dismiss, vec![staged]).await?).await?;
        Ok(Dismissed { records, release: Some(release.release) })
    };
    warehouse.holding(wait, held).await
}

/// Returns a dismissal of each record, as rows of the quarantine; `None` when nothing was ever refused.
async fn dismissals(
    catalog: &Catalog,
    chosen: &str,
    dismissal: &Dismissal,
    release: u64,
) -> Result<Option<DataFrame>> {
    let Some(session) = quarantine::session(catalog).await? else { return Ok(None) };
    let schema = match catalog.table(&quarantine::table()).await? {
        Some(table) => table.extended_schema(&quarantine::schema(), true)?,
        None => return Ok(None),
    };
    let columns: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| {
            let value = match field.name().as_str() {
                "source" | "file" | "line" | "last_line" => return format!("\"{}\"", field.name()),
                "state" => quoted(RecordState::Dismissed.as_str()),
                "_run" => format!("cast({release} as bigint)"),
                DISMISSED_BY => quoted(&dismissal.by),
                DISMISSED_BECAUSE => quoted(&dismissal.because),
                // Where it stands, and nothing of what it holds.
                _ => "cast(null as varchar)".to_owned(),
            };
            format!("{value} as \"{}\"", field.name())
        })
        .collect();
    let sql = quarantine::query(&format!(
        "select distinct {} from record_status where status = 'open' and {chosen}",
        columns.join(", ")
    ));
    session.sql(&sql).await.doing("choose the refused records").map(Some)
}
