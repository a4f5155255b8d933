//! When the events of a table happened, as SQL.

use arrow::datatypes::DataType;

use crate::error::{Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};
use crate::warehouse::visibility::KnownSince;

/// The declared time of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventTime {
    /// The quoted name of the column.
    pub column: String,
    /// Whether it holds mere days.
    pub is_day: bool,
}

impl EventTime {
    /// Returns the time that a table declares.
    ///
    /// # Errors
    /// A table that declares none, or that the session does not know.
    pub async fn of(table: &TableName, catalog: &Catalog, session: &Session) -> Result<EventTime> {
        let KnownSince::At(time) = catalog.visibility(table).known else {
            return Err(Error::config(format!("{table} does not declare when its events happened")));
        };
        let events = session.table(table).await?;
        let field = events.schema().field_with_unqualified_name(&time.name);
        let is_day = field.is_ok_and(|field| *field.data_type() == DataType::Date32);
        Ok(EventTime { column: format!("\"{}\"", time.name.replace('"', "\"\"")), is_day })
    }

    /// Returns the instant of an event whose time is this expression: of a mere day its end.
    pub fn instant(&self, time: &str) -> String {
        if self.is_day { format!("day_end({time})") } else { time.to_owned() }
    }

    /// Returns the instant at which the event is over: of a mere day the beginning of the next one.
    pub fn over(&self, time: &str) -> String {
        self.days_after(time, 0)
    }

    /// Returns the instant so many days after the event is over: so many local days, or so many times 24 hours.
    pub fn days_after(&self, time: &str, days: u32) -> String {
        match (self.is_day, days) {
            (true, days) => format!("day_start({time} + interval '{} days')", days + 1),
            (false, 0) => time.to_owned(),
            (false, days) => format!("({time} + interval '{days} days')"),
        }
    }
}
