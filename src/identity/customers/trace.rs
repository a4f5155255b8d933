//! The history of a record or an id, night by night.

use datafusion::prelude::DataFrame;

use crate::error::{Context, Error, Result};
use crate::identity::record_name::{RecordName, sources_of, unknown_record};
use crate::identity::tables::{CUSTOMER_ID_CHANGES, CUSTOMER_ID_HISTORY, FORMER_CUSTOMER_IDS, table};
use crate::sql_text::quoted;
use crate::warehouse::catalog::{Catalog, Session};

/// Grain: one row per night on which the record became another customer, the first night first; the last
/// row says who it is since.
///
/// # Errors
/// No record of that name was ever anybody.
pub async fn trace_record(catalog: &Catalog, record: RecordName<'_>) -> Result<DataFrame> {
    let session = memory(catalog).await?;
    let frame = session
        .sql(&format!(
            "select valid_from, customer_id from {} where {} order by valid_from, version",
            table(CUSTOMER_ID_HISTORY),
            record.condition()
        ))
        .await
        .doing("trace the record")?;
    if frame.clone().count().await.doing("trace the record")? == 0 {
        let history = table(CUSTOMER_ID_HISTORY);
        let message = "no record with this source and id ever belonged to a customer";
        return Err(unknown_record(message, &sources_of(&session, &history).await?, record, &history));
    }
    Ok(frame)
}

/// Grain: one row per change that the id was part of, the first first; `customer_today` is for whom the
/// id that was left stands now.
///
/// # Errors
/// An id that no customer ever had.
pub async fn trace_id(catalog: &Catalog, id: &str) -> Result<DataFrame> {
    let doing = "trace the id";
    let session = memory(catalog).await?;
    let id = quoted(id);
    let borne = session
        .sql(&format!("select 1 from {} where customer_id = {id} limit 1", table(CUSTOMER_ID_HISTORY)))
        .await
        .doing(doing)?
        .count()
        .await
        .doing(doing)?;
    if borne == 0 {
        return Err(Error::failed("no customer ever had this id")
            .hint("give a customer_id, or a record as SOURCE:RECORD_ID"));
    }
    session
        .sql(&format!(
            "select c.changed_at, c.change, c.former_id, c.customer_id, c.records,
                    case when f.former_id is null then c.former_id else f.customer_id end as customer_today
             from {} as c left join {} as f on f.former_id = c.former_id
             where c.former_id = {id} or c.customer_id = {id}
             order by c.changed_at, c.change_number",
            table(CUSTOMER_ID_CHANGES),
            table(FORMER_CUSTOMER_IDS),
        ))
        .await
        .doing(doing)
}

async fn memory(catalog: &Catalog) -> Result<Session> {
    let tables = [CUSTOMER_ID_HISTORY, CUSTOMER_ID_CHANGES, FORMER_CUSTOMER_IDS].map(table);
    for needed in &tables {
        if catalog.table(needed).await?.is_none() {
            return Err(Error::failed("this release has no history of customer ids")
                .hint("declare [identity] in the pipeline and run it"));
        }
    }
    catalog.session(&tables, None).await
}
