//! The history while lists are held against it, in SQL over what is staged: nothing is held in memory but
//! what a join needs.

use std::collections::BTreeSet;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::common::Column;
use datafusion::logical_expr::{col, lit};
use datafusion::prelude::DataFrame;

use super::list_rows::scratch;
use super::lists::ReadLists;
use crate::clock::{Instant, show_instant};
use crate::day::local_day;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::ops::steps::StepMetrics;
use crate::source::Source;
use crate::source::snapshot::{VALID_FROM, VALID_TO};
use crate::step::StepContext;
use crate::warehouse::catalog::Session;
use crate::warehouse::row_removal::SplitTable;
use crate::warehouse::stage::{Layout, Mode, Staged};
use crate::warehouse::time_value::instant_value;

/// How the rows of a list stand to those that held before it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub came: u64,
    pub changed: u64,
    pub gone: u64,
    /// Refused, so that what they said before still holds.
    pub refused: u64,
    pub as_before: u64,
}

impl Tally {
    fn before(&self) -> u64 {
        self.changed + self.gone + self.refused + self.as_before
    }

    fn now(&self) -> u64 {
        self.came + self.changed + self.refused + self.as_before
    }

    pub fn and(self, more: Tally) -> Tally {
        Tally {
            came: self.came + more.came,
            changed: self.changed + more.changed,
            gone: self.gone + more.gone,
            refused: self.refused + more.refused,
            as_before: more.as_before,
        }
    }

    fn changes_nothing(&self) -> bool {
        self.came + self.changed + self.gone == 0
    }
}

/// A history while lists are held against it.
pub struct History<'w> {
    context: &'w StepContext,
    source: &'w Source,
    table: TableName,
    schema: SchemaRef,
    rows: &'w Staged,
    lists: &'w ReadLists,
    /// The table before, the files apart that hold rows which are not closed.
    parted: Option<SplitTable<'w>>,
    /// The rows that hold now.
    open: DataFrame,
    closed: Option<Staged>,
    /// Rows that held after a list and before the next.
    between: Vec<Staged>,
    changed: bool,
}

impl<'w> History<'w> {
    pub async fn open(
        context: &'w StepContext,
        source: &'w Source,
        schema: &SchemaRef,
        rows: &'w Staged,
        lists: &'w ReadLists,
    ) -> Result<History<'w>> {
        let table = source.raw_table();
        let catalog = &context.catalog;
        let there = !context.full_refresh && catalog.table(&table).await?.is_some();
        let (parted, open) = if there {
            let nothing = context.warehouse().stager(&table, Mode::Append, schema)?.finish().await?;
            let parted =
                catalog.split_files(nothing, |statistics| statistics.may_hold_null(VALID_TO)).await?;
            let open = parted.session()?.table(&table).await?;
            let open = open.filter(col(Column::from_name(VALID_TO)).is_null()).doing("read what holds")?;
            (Some(parted), open)
        } else {
            let session = catalog.session_with([], []).await?;
            (None, session.read_batch(RecordBatch::new_empty(schema.clone()))?)
        };
        let history = History {
            context,
            source,
            table,
            schema: schema.clone(),
            rows,
            lists,
            parted,
            open,
            closed: None,
            between: Vec::new(),
            changed: false,
        };
        history.key_is_the_same().await?;
        Ok(history)
    }

    /// Each key has one row that holds, or the history was made with another key.
    async fn key_is_the_same(&self) -> Result<()> {
        if self.parted.is_none() {
            return Ok(());
        }
        let session = self.context.catalog.session_with([], []).await?;
        session.register_view(&name("open"), self.open.clone())?;
        let key = columns("", &self.source.contract.key);
        let sql = format!("select {key} from list.open group by {key} having count(*) > 1 limit 1");
        if number_of_rows(&session, &sql).await? == 0 {
            return Ok(());
        }
        Err(Error::failed(format!(
            "several rows of the history hold for one value of the key {}",
            self.source.contract.key.join(", ")
        ))
        .hint("it was made with another key: --full-refresh reads all lists anew"))
    }

    /// Holds the list of an instant against the rows that hold.
    pub async fn apply(&mut self, at: Instant, last: bool, metrics: &mut StepMetrics) -> Result<Tally> {
        let session = self.session(at, metrics).await?;
        let tally = self.tally(&session).await?;
        self.not_cut_off(at, tally)?;
        let unreadable = self.lists.unreadable.get(&at).copied().unwrap_or(0);
        if tally.refused > 0 {
            metrics.notes.push(format!(
                "{} refused row{}: what {} said before still holds",
                tally.refused,
                if tally.refused == 1 { "" } else { "s" },
                if tally.refused == 1 { "it" } else { "they" }
            ));
        }
        if unreadable > 0 && tally.gone > 0 {
            metrics.warnings.push(format!(
                "{unreadable} refused row{} not tell the key: of the {} that are gone as many may still be on the list",
                if unreadable == 1 { " does" } else { "s do" },
                tally.gone
            ));
        }
        if tally.changes_nothing() {
            return Ok(tally);
        }
        self.changed = true;
        if tally.changed + tally.gone > 0 {
            let closed = run(&session, &self.closing(at)).await?;
            let warehouse = self.context.warehouse();
            let closed = warehouse.stage(&self.table, Mode::Append, Layout::Parallel, closed).await?;
            self.closed = Some(match self.closed.take() {
                Some(before) => before.and(closed),
                None => closed,
            });
        }
        self.open = run(&session, &self.opening()).await?;
        if !last {
            let table = scratch(self.source, &format!("open_{}", self.between.len()));
            let open = self.open.clone();
            let open = self.context.warehouse().stage(&table, Mode::Replace, Layout::Scratch, open).await?;
            let session = self.context.catalog.session_with([], [&open]).await?;
            self.open = session.table(&table).await?;
            self.between.push(open);
        }
        Ok(tally)
    }

    /// A session that knows the list of an instant (`list.now`), the rows that hold (`list.open`), and the
    /// keys of refused records (`list.refused`).
    async fn session(&self, at: Instant, metrics: &mut StepMetrics) -> Result<Session> {
        let doing = "read the list";
        let session = self.context.catalog.session_with([], [self.rows, &self.lists.refused]).await?;
        session.register_view(&name("open"), self.open.clone())?;
        let of_instant = col(Column::from_name(VALID_FROM)).eq(lit(instant_value(at)));
        let refused =
            session.table(&self.lists.refused.table).await?.filter(of_instant.clone()).doing(doing)?;
        let keys: Vec<&str> = self.source.contract.key.iter().map(String::as_str).collect();
        let refused = refused.select_columns(&keys).and_then(DataFrame::distinct).doing(doing)?;
        session.register_view(&name("refused"), refused)?;
        let every = session.table(&self.rows.table).await?.filter(of_instant).doing(doing)?;
        session.register_view(&name("every"), every.clone())?;
        let now = match self.repeated(&session, at).await? {
            0 => every,
            repeated => {
                metrics.notes.push(format!(
                    "{repeated} row{} another of the same list word for word: counted once",
                    if repeated == 1 { " repeats" } else { "s repeat" }
                ));
                let sql = format!(
                    "select {} from (select *, row_number() over (partition by {} order by _file, _line) as __nth \
                     from list.every) where __nth = 1",
                    columns("", self.names()),
                    columns("", &self.source.contract.key)
                );
                run(&session, &sql).await?
            }
        };
        session.register_view(&name("now"), now)?;
        Ok(session)
    }

    /// How many rows of the list repeat another's key.
    ///
    /// # Errors
    /// Rows with one key that say different things.
    async fn repeated(&self, session: &Session, at: Instant) -> Result<u64> {
        let key = columns("", &self.source.contract.key);
        let repeats = format!(
            "select cast(coalesce(sum(times), 0) - count(*) as bigint) from \
             (select {key}, count(*) as times from list.every group by {key})"
        );
        let [repeats] = numbers(session, &repeats).await?;
        if repeats == 0 {
            return Ok(0);
        }
        let columns_of_row = columns("", self.source.contract.key.iter().chain(&self.value_columns()));
        let differ = format!(
            "select {key} from (select distinct {columns_of_row} from list.every) group by {key} having count(*) > 1"
        );
        let keys = number_of_rows(session, &differ).await?;
        if keys == 0 {
            return Ok(repeats);
        }
        let same: Vec<String> =
            self.source.contract.key.iter().map(|k| format!("e.\"{k}\" = d.\"{k}\"")).collect();
        let places = format!(
            "select e._file, e._line from list.every e join ({differ}) d on {} order by e._file, e._line limit 4",
            same.join(" and ")
        );
        let doing = "look for repeated keys";
        let mut shown = Vec::new();
        for batch in run(session, &places).await?.collect().await.doing(doing)? {
            let (files, lines) =
                (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
            shown.extend(
                (0..batch.num_rows()).map(|row| format!("{}:{}", files.value(row), lines.value(row))),
            );
        }
        Err(Error::failed(format!(
            "in the list of {} {keys} value{} of the key {} stand{} in several rows that differ: {}",
            self.shown(at),
            if keys == 1 { "" } else { "s" },
            self.source.contract.key.join(", "),
            if keys == 1 { "s" } else { "" },
            shown.join(", ")
        ))
        .hint(
            "a list has one row per key: fix the export, or name all columns that tell rows apart in `key`",
        ))
    }

    async fn tally(&self, session: &Session) -> Result<Tally> {
        let k = &self.source.contract.key[0];
        let sql = format!(
            "select cast(count(*) filter (where o.\"{k}\" is null) as bigint), \
             cast(count(*) filter (where o.\"{k}\" is not null and n.\"{k}\" is not null and not ({same})) as bigint), \
             cast(count(*) filter (where n.\"{k}\" is null and r.\"{k}\" is null) as bigint), \
             cast(count(*) filter (where n.\"{k}\" is null and r.\"{k}\" is not null) as bigint), \
             cast(count(*) filter (where o.\"{k}\" is not null and n.\"{k}\" is not null and ({same})) as bigint) \
             from list.open o full join list.now n on {of_now} left join list.refused r on {of_refused}",
            same = self.same(),
            of_now = self.on("n"),
            of_refused = self.on("r"),
        );
        let [came, changed, gone, refused, as_before] = numbers(session, &sql).await?;
        Ok(Tally { came, changed, gone, refused, as_before })
    }

    /// # Errors
    /// A list with less rows of the last than declared.
    fn not_cut_off(&self, at: Instant, tally: Tally) -> Result<()> {
        let least = self.source.contract.snapshot.as_ref().map_or(0.0, |snapshot| snapshot.min_share);
        if tally.now() as f64 >= least * tally.before() as f64 {
            return Ok(());
        }
        Err(Error::failed(format!(
            "the list of {} has {} rows, the one before had {}: less than {least} of it",
            self.shown(at),
            tally.now(),
            tally.before()
        ))
        .hint(
            "was the export cut off? Who is missing would be gone. If the list did shrink, say snapshot = \
             { min_share = 0.1 } for this night",
        ))
    }

    /// The rows that no longer hold, with when they ceased to.
    fn closing(&self, at: Instant) -> String {
        let k = &self.source.contract.key[0];
        let columns: Vec<String> = self
            .names()
            .map(|column| match column.as_str() {
                VALID_TO => format!("to_timestamp_micros({}) as \"{VALID_TO}\"", at.timestamp_micros()),
                _ => format!("o.\"{column}\""),
            })
            .collect();
        format!(
            "select {} from list.open o left join list.now n on {} left join list.refused r on {} \
             where (n.\"{k}\" is not null and not ({})) or (n.\"{k}\" is null and r.\"{k}\" is null)",
            columns.join(", "),
            self.on("n"),
            self.on("r"),
            self.same()
        )
    }

    /// The rows that hold after the list.
    fn opening(&self) -> String {
        let k = &self.source.contract.key[0];
        format!(
            "select {olds} from list.open o left join list.now n on {of_now} left join list.refused r on {of_refused} \
             where (n.\"{k}\" is not null and ({same})) or (n.\"{k}\" is null and r.\"{k}\" is not null) \
             union all \
             select {news} from list.now n left join list.open o on {of_now} \
             where o.\"{k}\" is null or not ({same})",
            olds = columns("o.", self.names()),
            news = columns("n.", self.names()),
            of_now = self.on("n"),
            of_refused = self.on("r"),
            same = self.same()
        )
    }

    /// All columns of the table, in their order.
    fn names(&self) -> impl Iterator<Item = &String> {
        self.schema.fields().iter().map(|field| field.name())
    }

    /// The columns that say something of a key.
    fn value_columns(&self) -> Vec<String> {
        let own = |name: &str| name.starts_with('_') || [VALID_FROM, VALID_TO].contains(&name);
        self.names().filter(|name| !own(name) && !self.source.contract.key.contains(name)).cloned().collect()
    }

    fn on(&self, other: &str) -> String {
        let same = self.source.contract.key.iter().map(|key| format!("o.\"{key}\" = {other}.\"{key}\""));
        same.collect::<Vec<_>>().join(" and ")
    }

    fn same(&self) -> String {
        let values = self.value_columns();
        let same = values.iter().map(|name| format!("(o.\"{name}\" is not distinct from n.\"{name}\")"));
        if values.is_empty() { "true".to_owned() } else { same.collect::<Vec<_>>().join(" and ") }
    }

    /// The day of a list as people call it.
    fn shown(&self, at: Instant) -> String {
        match (&self.source.files().delivery.date_in_name, &self.source.contract.snapshot) {
            (Some(_), Some(snapshot)) => local_day(at, snapshot.zone).to_string(),
            _ => format!("this run, from {} on,", show_instant(at)),
        }
    }

    /// The table as it is to be committed; nothing is left of what was made on the way.
    pub async fn end(self, applied: Result<()>) -> Result<Staged> {
        let warehouse = self.context.warehouse();
        let (closed, between) = (self.closed, self.between);
        let whole = match (applied, self.parted, self.changed) {
            (Err(error), _, _) => Err(error),
            (Ok(()), Some(parted), false) => Ok(parted.unchanged()),
            (Ok(()), Some(parted), true) => {
                let doing = "write what holds";
                let carried = parted.session()?.table(&self.table).await?;
                let carried = carried.filter(col(Column::from_name(VALID_TO)).is_not_null()).doing(doing)?;
                parted.with_rows(self.open.union(carried).doing(doing)?).await
            }
            (Ok(()), None, _) => {
                warehouse.stage(&self.table, Mode::Replace, Layout::Parallel, self.open).await
            }
        };
        for scratch in &between {
            warehouse.delete_staged(scratch, &BTreeSet::new()).await?;
        }
        match (whole, closed) {
            (Ok(open), Some(closed)) => Ok(open.and(closed)),
            (Ok(open), None) => Ok(open),
            (Err(error), closed) => {
                if let Some(closed) = closed {
                    warehouse.delete_staged(&closed, &BTreeSet::new()).await?;
                }
                Err(error)
            }
        }
    }
}

fn name(table: &str) -> TableName {
    TableName::new("list", table).expect("our own table names are valid")
}

/// The columns for a SELECT, each with the prefix.
fn columns<'n>(prefix: &str, names: impl IntoIterator<Item = &'n String>) -> String {
    names.into_iter().map(|name| format!("{prefix}\"{name}\"")).collect::<Vec<_>>().join(", ")
}

async fn run(session: &Session, sql: &str) -> Result<DataFrame> {
    session.sql(sql).await.doing("hold the list against the last")
}

async fn number_of_rows(session: &Session, sql: &str) -> Result<u64> {
    Ok(run(session, sql).await?.count().await.doing("hold the list against the last")? as u64)
}

/// The one row of a query, whose columns are whole numbers.
async fn numbers<const N: usize>(session: &Session, sql: &str) -> Result<[u64; N]> {
    let batches = run(session, sql).await?.collect().await.doing("hold the list against the last")?;
    let batch = batches.iter().find(|batch| batch.num_rows() > 0);
    let batch = batch.ok_or_else(|| Error::failed("a count came without its row"))?;
    let mut numbers = [0; N];
    for (place, number) in numbers.iter_mut().enumerate() {
        *number = u64::try_from(batch.column(place).as_primitive::<Int64Type>().value(0)).unwrap_or(0);
    }
    Ok(numbers)
}
