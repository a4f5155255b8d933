//! `mart.match_decisions`: the decisions about likely pairs.

use datafusion::prelude::DataFrame;

use crate::error::{Context, Result};
use crate::identity::tables::{MATCH_LINKS, table};
use crate::warehouse::catalog::Session;

/// Columns: `decision` as in `core.match_links`, `pairs`, and their `least_weight` and
/// `greatest_weight` in bits.
pub async fn frame(session: &Session) -> Result<DataFrame> {
    let sql = format!(
        "select decision, count(*) as pairs, min(match_weight) as least_weight,
                max(match_weight) as greatest_weight
         from {} group by decision",
        table(MATCH_LINKS)
    );
    session.sql(&sql).await.doing("count the decisions about pairs")
}
