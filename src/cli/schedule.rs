//! `schedule`: see [`crate::schedule`].

use std::path::PathBuf;

use clap::Args;

use super::args::LimitArgs;
use super::progress::{LogFormat, shown};
use super::signal::stop_on_signal;
use crate::clock::show_instant;
use crate::error::Result;
use crate::run::Request;
use crate::schedule::{Schedule, ScheduleEvent};

#[derive(Debug, Args)]
pub struct ScheduleArgs {
    /// Folder of pipeline files
    #[arg(default_value = "pipelines")]
    dir: PathBuf,
    /// Folder or object-store URL of the warehouse, instead of each pipeline's own
    #[arg(long, value_name = "DIR", env = "SILLAGE_WAREHOUSE")]
    warehouse: Option<String>,
    /// Show the next times of each pipeline and stop
    #[arg(long)]
    dry_run: bool,
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn schedule(args: ScheduleArgs) -> Result<()> {
    let schedule = Schedule::load(&args.dir, args.warehouse)?;
    if args.dry_run {
        for (pipeline, time) in schedule.next_times(crate::clock::now())? {
            say!("{}  {pipeline}", show_instant(time));
        }
        return Ok(());
    }
    let request = Request { limits: args.limits.limits(), ..Request::all() };
    let say = |event: ScheduleEvent| match event {
        ScheduleEvent::Waiting { pipeline, until } => {
            eprintln!("next: {pipeline} at {}", show_instant(until))
        }
        ScheduleEvent::Failed { error } => eprintln!("error: {error}"),
        ScheduleEvent::Stopped => eprintln!("stopped"),
    };
    schedule.run(&request, shown(args.log_format), stop_on_signal(), say).await
}
