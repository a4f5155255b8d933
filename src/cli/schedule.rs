//! `schedule`: see [`crate::schedule`].

use std::path::PathBuf;

use clap::Args;

use super::args::LimitArgs;
use super::colour;
use super::listing::Listing;
use super::output::OutputArgs;
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
    #[command(flatten)]
    output: OutputArgs,
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn schedule(args: ScheduleArgs) -> Result<()> {
    let schedule = Schedule::load(&args.dir, args.warehouse)?;
    if args.dry_run {
        let times = schedule.next_times(crate::clock::now())?;
        return Listing::default()
            .text("next", times.iter().map(|(_, time)| show_instant(*time)))
            .text("pipeline", times.iter().map(|(pipeline, _)| pipeline))
            .write(&args.output);
    }
    args.output.require_none("only --dry-run writes a list, of the next times")?;
    let request = Request { limits: args.limits.limits(), ..Request::all() };
    let say = |event: ScheduleEvent| match event {
        ScheduleEvent::Waiting { pipeline, until } => {
            eprintln!("next: {pipeline} at {}", show_instant(until))
        }
        ScheduleEvent::Failed { error } => eprintln!("{}", colour::error(&format!("error: {error}"))),
        ScheduleEvent::Stopped => eprintln!("stopped"),
    };
    schedule.run(&request, shown(args.log_format), stop_on_signal(), say).await
}
