//! The arguments that several verbs have.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::pipeline_file::{load_pipeline, load_pipeline_without_sources};
use crate::duration;
use crate::error::Result;
use crate::pipeline::Pipeline;
use crate::warehouse::engine::Limits;
use crate::warehouse::lock::Wait;

/// Which warehouse a verb works on.
#[derive(Debug, Args)]
pub(super) struct WarehouseArg {
    /// Folder or object-store URL of the warehouse
    #[arg(long, value_name = "DIR", env = "SILLAGE_WAREHOUSE", default_value = "warehouse")]
    pub(super) warehouse: String,
}

/// Which pipeline a verb runs, over which warehouse.
#[derive(Debug, Args)]
pub(super) struct PipelineArgs {
    /// Pipeline file; may be left out when pipelines/ holds only one
    pub(super) pipeline: Option<PathBuf>,
    /// Folder or object-store URL of the warehouse, instead of the pipeline's
    #[arg(long, value_name = "DIR", env = "SILLAGE_WAREHOUSE")]
    pub(super) warehouse: Option<String>,
}

impl PipelineArgs {
    /// The pipeline and the place of its warehouse.
    pub(super) fn load(self) -> Result<(Arc<Pipeline>, String)> {
        let pipeline = load_pipeline(self.pipeline)?;
        let location = self.warehouse.unwrap_or_else(|| pipeline.warehouse.clone());
        Ok((pipeline, location))
    }

    /// The same where no source will be read.
    pub(super) fn load_without_sources(self) -> Result<(Arc<Pipeline>, String)> {
        let pipeline = load_pipeline_without_sources(self.pipeline)?;
        let location = self.warehouse.unwrap_or_else(|| pipeline.warehouse.clone());
        Ok((pipeline, location))
    }
}

/// What a verb that writes does when another run holds the warehouse.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WaitArg {
    /// Wait for a warehouse that another run holds, at most this long: 90s, 30m, 12h; without a limit
    /// when no time is given
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = parse_duration)]
    wait: Option<Option<Duration>>,
}

impl WaitArg {
    pub(super) fn wait(self) -> Wait {
        match self.wait {
            None => Wait::No,
            Some(None) => Wait::Forever,
            Some(Some(most)) => Wait::AtMost(most),
        }
    }
}

/// A length of time: `90s`, `30m`, `12h`, `7d`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    duration::parse(text)
        .and_then(|length| length.to_std().ok())
        .ok_or_else(|| "write a number and a unit: 90s, 30m, 12h or 7d".to_owned())
}

/// How much of the machine a verb may use.
#[derive(Debug, Clone, Args)]
pub(super) struct LimitArgs {
    /// Threads that compute; all cores when not given
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Memory that SQL operators may hold before they spill to disk, for example 512MB or 2GB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory_limit: Option<usize>,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Limits {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Limits { threads: self.threads.unwrap_or(cores), memory: self.memory_limit }
    }
}

/// A size in bytes: `256MB`, `2GB`, `1048576`.
pub(super) fn parse_size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: usize = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        unit => return Err(format!("unknown unit {unit}; use KB, MB or GB")),
    };
    let number: usize =
        digits.trim().parse().map_err(|_| "write a number and a unit, like 512MB".to_owned())?;
    number.checked_mul(factor).filter(|n| *n > 0).ok_or_else(|| "out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit() {
        assert_eq!(parse_size("256MB"), Ok(256 << 20));
        assert_eq!(parse_size("2g"), Ok(2 << 30));
        assert_eq!(parse_size("4096"), Ok(4096));
        for wrong in ["", "MB", "1TBs", "-1MB", "0"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_span_of_time_has_a_unit() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "7", "d", "1w", "-1s", "99999999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
