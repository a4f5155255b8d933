//! The SQL engine: how much of the machine it may use, and how it plans within that.

use std::num::NonZeroUsize;
use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{
    FairSpillPool, GreedyMemoryPool, TrackConsumersPool, UnboundedMemoryPool,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::location::Warehouse;
use super::named_files::NamedFiles;
use super::{analyzer, bounded_functions, local_day};
use crate::error::{Context, Result};
use crate::storage::spill;

/// How much of the machine SQL may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub threads: NonZeroUsize,
    /// Bytes that operators may hold before they spill to disk; `None`: three quarters of the
    /// machine's, where that is known.
    pub memory: Option<usize>,
}

/// Below this, batches are cut smaller.
const SMALL_MEMORY: usize = 1 << 30;
/// What a step is given before another runs beside it.
const STEP_BYTES: usize = 512 << 20;

impl Limits {
    /// Steps that may run at once: each spills less when fewer share the memory.
    pub fn steps_at_once(&self) -> usize {
        let fit = self.memory.map_or(usize::MAX, |bytes| (bytes / STEP_BYTES).max(1));
        self.threads.get().min(fit)
    }
}

/// Runs SQL within the limits, for any number of sessions.
#[derive(Debug, Clone)]
pub struct Engine {
    runtime: Arc<RuntimeEnv>,
    config: SessionConfig,
    functions: Vec<ScalarUDF>,
    zone: Tz,
}

impl Engine {
    /// Returns an engine within these limits, which reads the warehouse.
    ///
    /// # Errors
    /// No private folder for spilled rows can be created.
    pub fn new(limits: Limits, warehouse: &Warehouse) -> Result<Self> {
        let storage = warehouse.storage();
        let spilled = spill::folder(storage.local_folder().as_deref())?;
        let mut builder = RuntimeEnvBuilder::new().with_disk_manager_builder(
            DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spilled])),
        );
        let message = NonZeroUsize::new(3).expect("3 is not zero");
        builder = match (limits.memory, machine_memory()) {
            (Some(bytes), _) => builder
                .with_memory_pool(Arc::new(TrackConsumersPool::new(FairSpillPool::new(bytes), message))),
            // Better refused than killed by the system: the rest is for what SQL does not count.
            (None, Some(all)) => builder.with_memory_pool(Arc::new(TrackConsumersPool::new(
                GreedyMemoryPool::new(all / 4 * 3),
                message,
            ))),
            (None, None) => builder.with_memory_pool(Arc::new(UnboundedMemoryPool::default())),
        };
        let runtime = builder.build_arc().doing("start the SQL engine")?;
        runtime.register_object_store(&storage.root_url(), NamedFiles::of(storage.root_store.clone()));
        let mut config = SessionConfig::new()
            .with_information_schema(true)
            .with_target_partitions(limits.threads.get())
            .with_default_catalog_and_schema("warehouse", "main")
            .with_create_default_catalog_and_schema(true);
        let options = config.options_mut();
        // Text comes out of SQL as tables keep it.
        options.sql_parser.map_string_types_to_utf8view = false;
        // So that errors know where in the SQL they are.
        options.sql_parser.collect_spans = true;
        options.execution.parquet.schema_force_view_types = false;
        options.execution.time_zone = Some("UTC".to_owned());
        // A build side of this size is gathered once and shared: cheaper than shuffling the other side.
        options.optimizer.hash_join_single_partition_threshold_rows = 1_000_000;
        options.optimizer.hash_join_single_partition_threshold = 64 << 20;
        if let Some(bytes) = limits.memory {
            // A hash join cannot spill; a sort-merge join can.
            options.optimizer.prefer_hash_join = false;
            // What each sort keeps aside to merge what it spilled, and the rows it merges at once:
            // many operators share the memory.
            options.execution.sort_spill_reservation_bytes = (bytes / 256).clamp(256 << 10, 10 << 20);
            if bytes < SMALL_MEMORY {
                config = config.with_batch_size(2048);
            }
        }
        Ok(Engine { runtime, config, functions: Vec::new(), zone: Tz::UTC })
    }

    /// Returns the same engine, in whose SQL days are those of a time zone.
    #[must_use]
    pub fn in_zone(mut self, zone: Tz) -> Self {
        self.zone = zone;
        self
    }

    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Returns the same engine, whose sessions know these functions beside DataFusion's own.
    #[must_use]
    pub fn with_functions(mut self, functions: Vec<ScalarUDF>) -> Self {
        self.functions.extend(functions);
        self
    }

    /// Returns the same, one partition at a time: rows come in one order and go to one file.
    pub(super) fn in_one_partition(&self) -> Engine {
        Engine { config: self.config.clone().with_target_partitions(1), ..self.clone() }
    }

    pub(super) fn context(&self) -> SessionContext {
        let state = SessionStateBuilder::new()
            .with_config(self.config.clone())
            .with_runtime_env(self.runtime.clone())
            .with_default_features()
            .with_analyzer_rules(analyzer::rules(self.zone))
            .build();
        let context = SessionContext::new_with_state(state);
        let functions = bounded_functions::functions().chain(local_day::functions(self.zone));
        let functions = functions.chain(self.functions.iter().cloned());
        for function in functions {
            context.register_udf(function);
        }
        context
    }
}

/// Bytes of memory that this process may use: the machine's, or its container's.
fn machine_memory() -> Option<usize> {
    let kilobytes = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok()
    })?;
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let container = container.and_then(|text| text.trim().parse::<usize>().ok());
    Some(container.unwrap_or(usize::MAX).min(kilobytes << 10))
}
