//! Builds SQL sessions: which tables a session sees, as of which instant. The only place that does so.
//!
//! A [`Catalog`] is one view of the warehouse: a release, plus what a run has staged on top of it. A session
//! made from it knows only the tables it was asked for, and each event table only up to the instant: the raw
//! table is not reachable, so a query cannot read the future.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use chrono_tz::Tz;
use datafusion::catalog::MemorySchemaProvider;
use datafusion::common::TableReference;
use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use datafusion::prelude::{DataFrame, SessionContext};

use super::as_of;
use super::engine::Engine;
use super::location::Warehouse;
use super::release::Release;
use super::row_versions::Deduplication;
use super::stage::{Mode, Staged};
use super::table::Table;
use super::visibility::Visibility;
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::suggestion::did_you_mean;

/// Tables by name, as one reader sees them.
#[derive(Debug)]
pub struct Catalog {
    warehouse: Warehouse,
    engine: Engine,
    release: Option<u64>,
    released: BTreeMap<TableName, u64>,
    visibility: BTreeMap<TableName, Visibility>,
    /// The instant at which sessions that are of no instant themselves look.
    standing_at: Option<Instant>,
    /// Loaded or staged so far.
    tables: Mutex<BTreeMap<TableName, Arc<Table>>>,
    /// Queries that stand in the place of a table's files.
    views: Mutex<BTreeMap<TableName, LogicalPlan>>,
    /// Tables whose files are known to exist.
    verified: Mutex<BTreeSet<(TableName, Option<u64>)>>,
}

impl Catalog {
    pub fn new(
        warehouse: Warehouse,
        engine: Engine,
        release: Option<&Release>,
        visibility: BTreeMap<TableName, Visibility>,
    ) -> Self {
        Catalog {
            warehouse,
            engine,
            release: release.map(|r| r.release),
            released: release.map(|r| r.tables.clone()).unwrap_or_default(),
            visibility,
            standing_at: None,
            tables: Mutex::new(BTreeMap::new()),
            views: Mutex::new(BTreeMap::new()),
            verified: Mutex::new(BTreeSet::new()),
        }
    }

    /// Returns the same tables, staged ones too, as they were known before an instant: sessions that are of no
    /// instant themselves look as of then. What is staged or put in the place of a table there is seen there only.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Catalog {
        Catalog {
            standing_at: Some(instant),
            tables: Mutex::new(self.tables().clone()),
            views: Mutex::new(lock(&self.views).clone()),
            verified: Mutex::new(lock(&self.verified).clone()),
            ..self.as_released()
        }
    }

    /// Returns the tables of the release alone, without what this run has staged.
    #[must_use]
    pub fn as_released(&self) -> Catalog {
        Catalog {
            warehouse: self.warehouse.clone(),
            engine: self.engine.clone(),
            release: self.release,
            released: self.released.clone(),
            visibility: self.visibility.clone(),
            standing_at: self.standing_at,
            tables: Mutex::new(BTreeMap::new()),
            views: Mutex::new(BTreeMap::new()),
            verified: Mutex::new(BTreeSet::new()),
        }
    }

    /// Returns the catalog of a release whose raw tables show what its models saw: the versions known at its
    /// instant, and what had happened by then.
    pub fn of_release(warehouse: Warehouse, engine: Engine, release: &Release) -> Self {
        let engine = engine.in_zone(release.reading.zone());
        let catalog = Catalog::new(warehouse, engine, Some(release), release.reading.tables.clone());
        Catalog { standing_at: Some(release.reading.as_of.unwrap_or(release.as_of)), ..catalog }
    }

    pub fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// Returns the number of the release that is read.
    pub fn release(&self) -> Option<u64> {
        self.release
    }

    /// Returns the names of the tables of the release.
    pub fn released(&self) -> impl Iterator<Item = &TableName> {
        self.released.keys()
    }

    /// Returns the names of the tables of the release and of those that were staged, in alphabetical order.
    pub fn names(&self) -> Vec<TableName> {
        let names: BTreeSet<TableName> = self.released.keys().chain(self.tables().keys()).cloned().collect();
        names.into_iter().collect()
    }

    /// Returns the table as staged by this run, else as released; `None` when there is neither.
    ///
    /// # Errors
    /// A table that the release lists and that is gone or cannot be read.
    pub async fn table(&self, name: &TableName) -> Result<Option<Arc<Table>>> {
        if let Some(table) = self.known(name) {
            return Ok(Some(table));
        }
        let Some(table) = self.released_table(name).await? else { return Ok(None) };
        let table = Arc::new(table);
        self.tables().insert(name.clone(), table.clone());
        Ok(Some(table))
    }

    /// Returns the table as released, whatever this run has staged.
    pub(super) async fn released_table(&self, name: &TableName) -> Result<Option<Table>> {
        let Some(version) = self.released.get(name) else {
            return Ok(None);
        };
        let table = self.warehouse.table(name, *version).await?;
        table.map(Some).ok_or_else(|| {
            Error::failed(format!(
                "the release lists {name} at version {version}, but the table does not exist"
            ))
            .hint("its _delta_log was deleted; restore the warehouse from a backup")
        })
    }

    /// Lets later steps read what a step has staged.
    ///
    /// # Errors
    /// The same; staged columns that do not fit those of the table.
    pub async fn add_staged(&self, staged: &Staged) -> Result<()> {
        let base = self.table(&staged.table).await?;
        let table = Table::after(base.as_deref(), staged)?;
        self.tables().insert(staged.table.clone(), Arc::new(table));
        Ok(())
    }

    /// Returns a session that sees every row of one table as it will be once `staged` is committed: repeated
    /// keys and the future included.
    ///
    /// # Errors
    /// The same; a missing file of the table.
    pub async fn session_of_all_rows(&self, staged: &Staged) -> Result<Session> {
        let base = self.table(&staged.table).await?.filter(|_| staged.mode == Mode::Append);
        if let Some(base) = &base {
            self.verify(base).await?;
        }
        self.session_over(&Table::after(base.as_deref(), staged)?, &self.engine)
    }

    /// Returns a session that sees every row of one table, whose files are known to exist.
    pub(super) fn session_over(&self, table: &Table, engine: &Engine) -> Result<Session> {
        let session = Session { context: engine.context(), zone: engine.zone(), as_of: None };
        session.register(&self.warehouse, table, &Visibility::default(), None)?;
        Ok(session)
    }

    /// Returns every row of a table including repeated keys and future rows.
    ///
    /// # Errors
    /// A table that is unknown, that cannot be read or of which a file is missing.
    pub async fn every_row(&self, name: &TableName) -> Result<DataFrame> {
        let Some(table) = self.table(name).await? else { return Err(self.unknown(name)) };
        self.verify(&table).await?;
        let rows = table.provider(&self.warehouse)?;
        self.engine.context().read_table(rows).doing(format!("open the table {name}"))
    }

    /// Returns the time zone of the pipeline's days.
    pub fn zone(&self) -> Tz {
        self.engine.zone()
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns a session that knows these tables and, beside them, what a step has staged for itself alone.
    ///
    /// # Errors
    /// A table that is unknown, that cannot be read or of which a file is missing.
    pub async fn session_with<'a>(
        &self,
        tables: impl IntoIterator<Item = &'a TableName>,
        scratch: impl IntoIterator<Item = &Staged>,
    ) -> Result<Session> {
        let session = self.session(tables, None).await?;
        for staged in scratch {
            session.register(&self.warehouse, &Table::after(None, staged)?, &Visibility::default(), None)?;
        }
        Ok(session)
    }

    /// Lets sessions compute a table from a query instead of reading its files.
    pub fn put_view(&self, name: &TableName, rows: DataFrame) {
        lock(&self.views).insert(name.clone(), rows.into_unoptimized_plan());
    }

    fn known(&self, name: &TableName) -> Option<Arc<Table>> {
        self.tables().get(name).cloned()
    }

    fn tables(&self) -> MutexGuard<'_, BTreeMap<TableName, Arc<Table>>> {
        lock(&self.tables)
    }

    /// Returns how rows of the table become known.
    pub fn visibility(&self, name: &TableName) -> Visibility {
        self.visibility.get(name).cloned().unwrap_or_default()
    }

    /// Returns a session that knows these tables, the future hidden from `as_of` on.
    ///
    /// # Errors
    /// A table that is unknown, that cannot be read or of which a file is missing; one without the columns that
    /// say since when its rows are known.
    pub async fn session<'a>(
        &self,
        tables: impl IntoIterator<Item = &'a TableName>,
        as_of: Option<Instant>,
    ) -> Result<Session> {
        let session = Session { context: self.engine.context(), zone: self.engine.zone(), as_of };
        let at = as_of.or(self.standing_at);
        for name in tables {
            let view = lock(&self.views).get(name).cloned();
            if let Some(plan) = view {
                let rows = DataFrame::new(session.context.state(), plan);
                session.register_rows(name, rows, &self.visibility(name), at)?;
                continue;
            }
            let Some(table) = self.table(name).await? else {
                return Err(self.unknown(name));
            };
            self.verify(&table).await?;
            session.register(&self.warehouse, &table, &self.visibility(name), at)?;
        }
        Ok(session)
    }

    /// Returns whether a table has rows that count before one instant and were not known before an earlier one;
    /// not where nothing says when its rows became known.
    ///
    /// # Errors
    /// A table that is unknown, that cannot be read or of which a file is missing; one without the columns that
    /// say since when its rows are known.
    pub async fn has_younger_rows(&self, name: &TableName, since: Instant, until: Instant) -> Result<bool> {
        let visibility = self.visibility(name);
        if visibility == Visibility::default() {
            return Ok(false);
        }
        let rows = self.every_row(name).await?;
        let Some(younger) = visibility.known_between(name, rows.schema(), since, until, self.zone())? else {
            return Ok(false);
        };
        let doing = || format!("look for rows of {name} that became known since {}", show_instant(since));
        let one = rows.filter(younger).and_then(|rows| rows.limit(0, Some(1))).doing(doing())?;
        Ok(one.count().await.doing(doing())? > 0)
    }

    /// Returns a hint with the tables whose names are similar.
    pub fn near(&self, name: &str) -> Option<String> {
        let known: Vec<String> = self.names().iter().map(ToString::to_string).collect();
        did_you_mean(name, known.iter().map(String::as_str))
    }

    /// Returns the error for an unknown table, with similar names.
    pub fn unknown(&self, name: &TableName) -> Error {
        let error = Error::config(format!("there is no table {name}")).about(name);
        match self.near(&name.to_string()) {
            Some(near) => error.hint(near),
            None => {
                error.hint("`sillage ls` shows the tables; was the model that makes it left out by --select?")
            }
        }
    }

    /// Checks once per table that its files exist, since the engine reads a missing file as no rows.
    pub(super) async fn verify(&self, table: &Table) -> Result<()> {
        let seen = (table.name.clone(), table.version);
        if lock(&self.verified).contains(&seen) {
            return Ok(());
        }
        self.warehouse.verify_files(table).await?;
        lock(&self.verified).insert(seen);
        Ok(())
    }
}

/// A SQL session over chosen tables, as of an instant.
pub struct Session {
    context: SessionContext,
    zone: Tz,
    as_of: Option<Instant>,
}

impl Session {
    fn register(
        &self,
        warehouse: &Warehouse,
        table: &Table,
        visibility: &Visibility,
        at: Option<Instant>,
    ) -> Result<()> {
        let name = &table.name;
        let rows =
            self.context.read_table(table.provider(warehouse)?).doing(format!("open the table {name}"))?;
        self.register_rows(name, rows, visibility, at)
    }

    fn register_rows(
        &self,
        name: &TableName,
        rows: DataFrame,
        visibility: &Visibility,
        at: Option<Instant>,
    ) -> Result<()> {
        let how = if self.joins_spill() { Deduplication::ByOrder } else { Deduplication::OfRepeated };
        self.register_view(name, visibility.apply(name, rows, at, self.zone, how)?)
    }

    /// Returns the same, whose joins gather their smaller side once, however large, and leave the other where
    /// it is, cut into more parts than there are threads: parts differ in how long they take. Not where the
    /// memory is limited: what is gathered cannot spill.
    #[must_use]
    pub fn with_collected_joins(self) -> Session {
        if !self.joins_spill() {
            let state = self.context.state_ref();
            let mut state = state.write();
            let options = state.config_mut().options_mut();
            options.optimizer.hash_join_single_partition_threshold = usize::MAX;
            options.optimizer.hash_join_single_partition_threshold_rows = usize::MAX;
            options.execution.target_partitions *= 4;
        }
        self
    }

    /// Returns whether joins are of the kind that can spill: the memory is limited.
    fn joins_spill(&self) -> bool {
        !self.context.copied_config().options().optimizer.prefer_hash_join
    }

    /// Makes a frame known under a table's name; the base table stays out of reach.
    ///
    /// # Errors
    /// A name that the session knows already.
    pub fn register_view(&self, name: &TableName, frame: DataFrame) -> Result<()> {
        self.ensure_schema(name.schema())?;
        self.context
            .register_table(reference(name), frame.into_view())
            .doing(format!("open the table {name}"))?;
        Ok(())
    }

    fn ensure_schema(&self, schema: &str) -> Result<()> {
        let catalog = self
            .context
            .catalog("warehouse")
            .ok_or_else(|| Error::failed("the SQL session has lost its catalog"))?;
        if catalog.schema(schema).is_none() {
            catalog
                .register_schema(schema, Arc::new(MemorySchemaProvider::new()))
                .doing(format!("open the schema {schema}"))?;
        }
        Ok(())
    }

    /// Plans a query; `$as_of` is the session's instant.
    ///
    /// # Errors
    /// SQL that does not plan; `$as_of` in a session of no instant.
    pub async fn sql(&self, sql: &str) -> datafusion::error::Result<DataFrame> {
        as_of::bind(self.context.sql(sql).await?, self.as_of, self.zone)
    }

    /// Returns the whole of a table that the session knows.
    ///
    /// # Errors
    /// A table that the session does not know.
    pub async fn table(&self, name: &TableName) -> Result<DataFrame> {
        self.context.table(reference(name)).await.doing(format!("open the table {name}"))
    }

    /// Makes functions known to the session's SQL.
    pub fn register_functions(&self, functions: impl IntoIterator<Item = ScalarUDF>) {
        for function in functions {
            self.context.register_udf(function);
        }
    }

    /// Returns rows that exist only in memory: small things a run has at hand.
    ///
    /// # Errors
    /// None, unless DataFusion does not take the rows.
    pub fn read_batch(&self, batch: arrow::array::RecordBatch) -> Result<DataFrame> {
        self.context.read_batch(batch).doing("read rows from memory")
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("no holder of this lock panics")
}

/// Returns the name as DataFusion refers to it.
pub fn reference(name: &TableName) -> TableReference {
    TableReference::partial(name.schema().to_owned(), name.table().to_owned())
}
