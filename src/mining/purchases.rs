//! The events that are purchases: which of them count, what they are worth, and when they happened.

use datafusion::prelude::DataFrame;

use super::event_time::EventTime;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};
use crate::warehouse::time_column::TimeColumn;
use crate::warehouse::visibility::KnownSince;

/// Purchases of customers, in a table that declares their time.
#[derive(Debug, Clone)]
pub struct Purchases {
    pub events: TableName,
    /// SQL expression over a purchase: what it is worth.
    pub amount: String,
    /// SQL condition over the events: which of them count.
    pub condition: Option<String>,
}

impl Purchases {
    /// Returns the condition as SQL.
    pub(super) fn counts(&self) -> &str {
        self.condition.as_deref().unwrap_or("true")
    }

    /// Returns the column with the time of a purchase.
    ///
    /// # Errors
    /// A table that declares none.
    pub(super) fn time(&self, catalog: &Catalog) -> Result<TimeColumn> {
        match catalog.visibility(&self.events).known {
            KnownSince::At(time) => Ok(time),
            _ => Err(Error::config(format!("{} does not declare when its events happened", self.events))),
        }
    }

    /// Returns the local day of a purchase as SQL.
    ///
    /// # Errors
    /// A table that the session does not know, or that declares no time.
    pub(super) async fn day_sql(&self, catalog: &Catalog, session: &Session) -> Result<String> {
        let EventTime { column, is_day } = EventTime::of(&self.events, catalog, session).await?;
        Ok(if is_day { column } else { format!("local_day({column})") })
    }

    /// Returns the instant of a purchase as SQL: of a mere day its end.
    ///
    /// # Errors
    /// As of [`Purchases::day_sql`].
    pub(super) async fn instant_sql(&self, catalog: &Catalog, session: &Session) -> Result<String> {
        let time = EventTime::of(&self.events, catalog, session).await?;
        Ok(time.instant(&time.column))
    }

    /// Plans a query over purchases, with the places of the amount and the condition in its errors.
    ///
    /// # Errors
    /// SQL that does not plan.
    pub(super) async fn query(&self, session: &Session, sql: &str) -> Result<DataFrame> {
        session.sql(sql).await.doing(format!("read the purchases of {}", self.events)).map_err(|e| {
            let e = e.in_part(sql, &self.amount);
            match &self.condition {
                Some(condition) => e.in_part(sql, condition),
                None => e,
            }
        })
    }
}
