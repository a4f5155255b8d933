//! The only place that builds a SQL session: which tables it sees, as of which instant.
//!
//! A [`Catalog`] is one view of the warehouse: a release, plus what a run has staged upon it. A
//! session made from it knows only the tables it was asked for, and each event table only up to the
//! instant: the raw table is not reachable, so a query cannot learn from the future.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use arrow::datatypes::DataType;
use datafusion::catalog::MemorySchemaProvider;
use datafusion::common::{ScalarValue, TableReference};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, JoinType, ScalarUDF, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};

use super::Warehouse;
use super::engine::Engine;
use super::release::Release;
use super::snapshot_history::SnapshotHistory;
use super::stage::{Mode, Staged};
use super::table::Table;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;

/// How rows of a table become known, and which of them count.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Visibility {
    pub known: Known,
    /// Only the latest row of each key counts (by run, file and line).
    pub latest_by: Vec<String>,
    /// Of a history of snapshots: which of its rows.
    pub snapshot: Option<SnapshotHistory>,
}

/// When a row became known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Known {
    /// Nothing was declared: every row is visible, and training may not read the table.
    #[default]
    Undeclared,
    /// At the instant in this column (an event's time, or a state's valid-from).
    At(String),
    /// The author's word that it says nothing of the future.
    Always,
}

/// Tables by name, as one reader sees them.
#[derive(Debug)]
pub struct Catalog {
    warehouse: Warehouse,
    engine: Engine,
    released: BTreeMap<TableName, u64>,
    visibility: BTreeMap<TableName, Visibility>,
    /// Loaded or staged so far.
    tables: Mutex<BTreeMap<TableName, Arc<Table>>>,
    /// Tables whose files were seen to be there.
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
            released: release.map(|r| r.tables.clone()).unwrap_or_default(),
            visibility,
            tables: Mutex::new(BTreeMap::new()),
            verified: Mutex::new(BTreeSet::new()),
        }
    }

    pub fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// The names of the tables of the release.
    pub fn released(&self) -> impl Iterator<Item = &TableName> {
        self.released.keys()
    }

    /// The table as staged by this run, else as released; `None` when there is neither.
    pub async fn table(&self, name: &TableName) -> Result<Option<Arc<Table>>> {
        if let Some(table) = self.known(name) {
            return Ok(Some(table));
        }
        let Some(table) = self.released_table(name).await? else { return Ok(None) };
        let table = Arc::new(table);
        self.tables().insert(name.clone(), table.clone());
        Ok(Some(table))
    }

    /// The table as released, whatever this run has staged.
    pub(super) async fn released_table(&self, name: &TableName) -> Result<Option<Table>> {
        let Some(version) = self.released.get(name) else {
            return Ok(None);
        };
        let table = self.warehouse.table(name, *version).await?;
        table.map(Some).ok_or_else(|| {
            Error::failed(format!(
                "the release lists {name} at version {version}, but the table is not there"
            ))
            .hint("its _delta_log was deleted; restore the warehouse from a backup")
        })
    }

    /// Lets later steps read what a step has staged.
    pub async fn add_staged(&self, staged: &Staged) -> Result<()> {
        let base = self.table(&staged.table).await?;
        let table = Table::after(base.as_deref(), staged)?;
        self.tables().insert(staged.table.clone(), Arc::new(table));
        Ok(())
    }

    /// A session that sees every row of one table as it will be once `staged` is committed: repeated
    /// keys and the future included.
    pub async fn session_of_all_rows(&self, staged: &Staged) -> Result<Session> {
        let base = self.table(&staged.table).await?.filter(|_| staged.mode == Mode::Append);
        if let Some(base) = &base {
            self.verify(base).await?;
        }
        self.session_over(&Table::after(base.as_deref(), staged)?, &self.engine)
    }

    /// A session that sees every row of one table, whose files were seen to be there.
    pub(super) fn session_over(&self, table: &Table, engine: &Engine) -> Result<Session> {
        let session = Session { context: engine.context(), as_of: None };
        session.register(&self.warehouse, table, &Visibility::default())?;
        Ok(session)
    }

    /// Every row of a table as it stands: repeated keys and the future included.
    pub async fn every_row(&self, name: &TableName) -> Result<DataFrame> {
        let Some(table) = self.table(name).await? else { return Err(self.unknown(name)) };
        self.verify(&table).await?;
        let rows = table.provider(&self.warehouse)?;
        self.engine.context().read_table(rows).doing(format!("open the table {name}"))
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A session that knows these tables and, beside them, what a step has staged for itself alone.
    pub async fn session_with<'a>(
        &self,
        tables: impl IntoIterator<Item = &'a TableName>,
        scratch: impl IntoIterator<Item = &Staged>,
    ) -> Result<Session> {
        let session = self.session(tables, None).await?;
        for staged in scratch {
            session.register(&self.warehouse, &Table::after(None, staged)?, &Visibility::default())?;
        }
        Ok(session)
    }

    fn known(&self, name: &TableName) -> Option<Arc<Table>> {
        self.tables().get(name).cloned()
    }

    fn tables(&self) -> std::sync::MutexGuard<'_, BTreeMap<TableName, Arc<Table>>> {
        self.tables.lock().expect("no holder of this lock panics")
    }

    /// How rows of the table become known.
    pub fn visibility(&self, name: &TableName) -> Visibility {
        self.visibility.get(name).cloned().unwrap_or_default()
    }

    /// A session that knows these tables, the future hidden from `as_of` on.
    pub async fn session<'a>(
        &self,
        tables: impl IntoIterator<Item = &'a TableName>,
        as_of: Option<Instant>,
    ) -> Result<Session> {
        let session = Session { context: self.engine.context(), as_of };
        for name in tables {
            let Some(table) = self.table(name).await? else {
                return Err(self.unknown(name));
            };
            self.verify(&table).await?;
            session.register(&self.warehouse, &table, &self.visibility(name))?;
        }
        Ok(session)
    }

    /// A table that is asked for and not there, with those that were perhaps meant.
    pub fn unknown(&self, name: &TableName) -> Error {
        let near: Vec<String> = self
            .released()
            .filter(|t| t.table() == name.table() || t.schema() == name.schema())
            .map(ToString::to_string)
            .collect();
        let error = Error::config(format!("there is no table {name}"));
        if near.is_empty() {
            error.hint("`sillage ls` shows the tables; was the model that makes it left out by --select?")
        } else {
            error.hint(format!("did you mean one of {}?", near.join(", ")))
        }
    }

    /// The engine reads a file that is gone as no rows at all: so look before it does, once a table.
    pub(super) async fn verify(&self, table: &Table) -> Result<()> {
        let seen = (table.name.clone(), table.version);
        if self.verified.lock().expect("no holder of this lock panics").contains(&seen) {
            return Ok(());
        }
        self.warehouse.verify_files(table).await?;
        self.verified.lock().expect("no holder of this lock panics").insert(seen);
        Ok(())
    }
}

/// A SQL session over chosen tables, as of an instant.
pub struct Session {
    context: SessionContext,
    as_of: Option<Instant>,
}

impl Session {
    fn register(&self, warehouse: &Warehouse, table: &Table, visibility: &Visibility) -> Result<()> {
        let name = &table.name;
        let frame = self
            .context
            .read_table(table.provider(warehouse)?)
            .and_then(|frame| match visibility.latest_by.as_slice() {
                [] => Ok(frame),
                key if self.joins_spill() => latest_by_order(frame, key),
                key => latest_of_repeated(frame, key),
            })
            .doing(format!("open the table {name}"))?;
        let frame = match visibility.snapshot {
            Some(history) => history.known(frame, table, self.as_of)?,
            None => frame,
        };
        let frame = match (&visibility.known, self.as_of) {
            (Known::At(column), Some(as_of)) => frame
                .filter(known_before(table, column, as_of)?)
                .doing(format!("hide what {name} did not know yet"))?,
            _ => frame,
        };
        self.register_view(name, frame)
    }

    /// The same, whose joins gather their smaller side once, however large, and leave the other where it is,
    /// cut into more parts than there are threads: parts differ in how long they take. Not where the memory
    /// is limited: what is gathered cannot spill.
    #[must_use]
    pub fn gathering_smaller_sides(self) -> Session {
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

    /// Whether joins are of the kind that can spill: the memory is limited.
    fn joins_spill(&self) -> bool {
        !self.context.copied_config().options().optimizer.prefer_hash_join
    }

    /// Makes a frame known under a table's name; the base table stays out of reach.
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
    pub async fn sql(&self, sql: &str) -> datafusion::error::Result<DataFrame> {
        let frame = self.context.sql(sql).await?;
        if !frame.logical_plan().get_parameter_names()?.contains("$as_of") {
            return Ok(frame);
        }
        match self.as_of {
            Some(as_of) => frame.with_param_values(vec![("as_of", instant_value(as_of))]),
            None => Err(datafusion::error::DataFusionError::Plan(
                "$as_of has no value here: this query is not evaluated as of an instant".to_owned(),
            )),
        }
    }

    /// The whole of a table that the session knows.
    pub async fn table(&self, name: &TableName) -> Result<DataFrame> {
        self.context.table(reference(name)).await.doing(format!("open the table {name}"))
    }

    /// Makes functions known to the session's SQL.
    pub fn register_functions(&self, functions: impl IntoIterator<Item = ScalarUDF>) {
        for function in functions {
            self.context.register_udf(function);
        }
    }

    /// Rows that exist only in memory: small things a run has at hand.
    pub fn read_batch(&self, batch: arrow::array::RecordBatch) -> Result<DataFrame> {
        self.context.read_batch(batch).doing("read rows from memory")
    }
}

/// The name as DataFusion refers to it.
pub fn reference(name: &TableName) -> TableReference {
    TableReference::partial(name.schema().to_owned(), name.table().to_owned())
}

/// An instant as SQL sees it: TIMESTAMP, microseconds, UTC.
pub fn instant_value(instant: Instant) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(instant.timestamp_micros()), Some("UTC".into()))
}

/// `column < as_of`. A date is known when its day is over.
fn known_before(table: &Table, column: &str, as_of: Instant) -> Result<Expr> {
    let field = table.schema.field_with_name(column).map_err(|_| {
        Error::config(format!(
            "{} has no column `{column}`, which is declared to say when its rows became known",
            table.name
        ))
        .hint(format!(
            "its columns are {}",
            table.schema.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>().join(", ")
        ))
    })?;
    match field.data_type() {
        DataType::Timestamp(_, _) => Ok(col(column_name(column)).lt(lit(instant_value(as_of)))),
        DataType::Date32 => {
            let day = as_of.date_naive().signed_duration_since(chrono::NaiveDate::default()).num_days();
            let day = i32::try_from(day).map_err(|_| Error::failed("the as-of instant is out of range"))?;
            Ok(col(column_name(column)).lt(lit(ScalarValue::Date32(Some(day)))))
        }
        other => Err(Error::config(format!(
            "column `{column}` of {} says when its rows became known, but has type {other}",
            table.name
        ))
        .hint("it must be a timestamp or a date")),
    }
}

pub(super) fn column_name(column: &str) -> datafusion::common::Column {
    datafusion::common::Column::from_name(column)
}

/// Where a row stands among those of its key: 1 came last, by run, then file, then line.
fn place(key: &[Expr]) -> datafusion::error::Result<Expr> {
    let order = ["_run", "_file", "_line"].map(|c| col(column_name(c)).sort(false, false)).to_vec();
    Ok(row_number().partition_by(key.to_vec()).order_by(order).build()?.alias(PLACE))
}

const PLACE: &str = "__place";

/// Of rows with one key, the one that came last, by ordering all rows once: that spills well, where
/// the joins of `latest_of_repeated` order them four times and at once. Rows without a key all count.
fn latest_by_order(frame: DataFrame, key: &[String]) -> datafusion::error::Result<DataFrame> {
    let all = columns(&frame);
    let on: Vec<Expr> = key.iter().map(|k| col(column_name(k))).collect();
    let counts = on.iter().fold(col(PLACE).eq(lit(1_u64)), |counts, key| counts.or(key.clone().is_null()));
    frame.window(vec![place(&on)?])?.filter(counts)?.select(all)
}

fn columns(frame: &DataFrame) -> Vec<Expr> {
    frame.schema().fields().iter().map(|f| col(column_name(f.name()))).collect()
}

/// Of rows with one key, the one that came last. Rows without a key all count.
///
/// Repeated keys are few: they are found on the key columns alone, and only their rows are ordered.
/// (`DISTINCT ON` would hold every column of every row in an aggregate that cannot spill.)
fn latest_of_repeated(frame: DataFrame, key: &[String]) -> datafusion::error::Result<DataFrame> {
    const REPEATED: &str = "__repeated_";
    let all = columns(&frame);
    let on: Vec<Expr> = key.iter().map(|k| col(column_name(k))).collect();
    let left: Vec<&str> = key.iter().map(String::as_str).collect();
    let right: Vec<String> = key.iter().map(|k| format!("{REPEATED}{k}")).collect();
    let right: Vec<&str> = right.iter().map(String::as_str).collect();
    let aliased = || left.iter().zip(&right).map(|(k, r)| col(column_name(k)).alias(*r)).collect::<Vec<_>>();
    let repeated = frame
        .clone()
        .aggregate(on.clone(), vec![count(lit(1_i64)).alias("__times")])?
        .filter(col("__times").gt(lit(1_i64)))?
        .select(aliased())?;
    let once = frame.clone().join(repeated.clone(), JoinType::LeftAnti, &left, &right, None)?;
    let last = frame
        .join(repeated, JoinType::LeftSemi, &left, &right, None)?
        .window(vec![place(&on)?])?
        .filter(col(PLACE).eq(lit(1_u64)))?
        .select(all)?;
    once.union(last)
}
