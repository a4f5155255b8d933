//! `plan`, `run` and `retry`.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::args::{LimitArgs, PipelineArgs, WaitArg, parse_duration};
use super::listing::Listing;
use super::output::OutputArgs;
use super::progress::{LogFormat, shown};
use super::signal::stop_on_signal;
use crate::clock::parse_instant;
use crate::error::Result;
use crate::pipeline::Pipeline;
use crate::run::plan::Plan;
use crate::run::{Mode, Request, execute, preview};

/// What `plan` and `run` have in common.
#[derive(Debug, Args)]
pub struct RequestArgs {
    #[command(flatten)]
    place: PipelineArgs,
    /// The instant the run is evaluated at: 2026-01-31 or 2026-01-31T03:00:00Z
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<String>,
    /// Allow an instant older than the last release's
    #[arg(long)]
    backfill: bool,
    /// Allow an instant that has not come yet
    #[arg(long)]
    future: bool,
    /// Only these steps: a table, schema.*, kind:model, tag:sales; +x with what it reads, x+ with what reads it
    #[arg(long, value_name = "STEPS")]
    select: Vec<String>,
    /// Not these steps
    #[arg(long, value_name = "STEPS")]
    exclude: Vec<String>,
    /// Read every source anew from the beginning
    #[arg(long)]
    full_refresh: bool,
    /// Give the run up when nothing is computed, read or written for so long: 90s, 30m, 12h
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = parse_duration)]
    stall_limit: Duration,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Show the plan and stop
    #[arg(long)]
    dry_run: bool,
    /// How progress is shown: bars and lines for people, or one JSON object per line
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    wait: WaitArg,
}

#[derive(Debug, Args)]
pub struct RetryArgs {
    #[command(flatten)]
    place: PipelineArgs,
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    wait: WaitArg,
    #[command(flatten)]
    limits: LimitArgs,
}

impl RequestArgs {
    pub fn resolve(self) -> Result<(Arc<Pipeline>, String, Request)> {
        let (pipeline, location) = self.place.load()?;
        let as_of = self.as_of.as_deref().map(|t| parse_instant(t, pipeline.timezone)).transpose()?;
        let request = Request {
            as_of,
            backfill: self.backfill,
            future: self.future,
            select: self.select,
            exclude: self.exclude,
            full_refresh: self.full_refresh,
            limits: self.limits.limits(),
            stall_limit: self.stall_limit,
            ..Request::all()
        };
        Ok((pipeline, location, request))
    }
}

pub async fn plan(args: PlanArgs) -> Result<()> {
    let (pipeline, location, request) = args.request.resolve()?;
    let plan = rehearsed(&pipeline, &location, &request).await?;
    if args.output.is_screen_table() {
        show_plan(&location, &plan);
        return Ok(());
    }
    let joined = |texts: &[String]| (!texts.is_empty()).then(|| texts.join("; "));
    Listing::default()
        .text("kind", plan.steps.iter().map(|step| step.step.kind()))
        .text("step", plan.steps.iter().map(|step| step.name.as_str()))
        .text("why", plan.steps.iter().map(|step| plan.why(step)))
        .maybe_text(
            "reads",
            plan.steps.iter().map(|step| {
                let reads: Vec<String> = step.step.reads().iter().map(ToString::to_string).collect();
                joined(&reads)
            }),
        )
        .maybe_text("warnings", plan.steps.iter().map(|step| joined(&step.warnings)))
        .maybe_text("notes", plan.steps.iter().map(|step| joined(&step.notes)))
        .write(&args.output)
}

/// Returns the plan of a pipeline whose steps and checks can be planned over what is declared.
async fn rehearsed(pipeline: &Arc<Pipeline>, location: &str, request: &Request) -> Result<Plan> {
    preview::preview(pipeline, location, request).await
}

fn show_plan(location: &str, plan: &Plan) {
    say!("warehouse {location}");
    say!("{}", plan.to_string().trim_end());
}

pub async fn run(args: RunArgs) -> Result<()> {
    let (pipeline, location, request) = args.request.resolve()?;
    if args.dry_run {
        show_plan(&location, &rehearsed(&pipeline, &location, &request).await?);
        return Ok(());
    }
    let request = Request { wait: args.wait.wait(), ..request };
    execute::run(&pipeline, &location, &request, shown(args.log_format), stop_on_signal()).await?;
    Ok(())
}

pub async fn retry(args: RetryArgs) -> Result<()> {
    let (pipeline, location) = args.place.load()?;
    let request =
        Request { mode: Mode::Retry, wait: args.wait.wait(), limits: args.limits.limits(), ..Request::all() };
    execute::run(&pipeline, &location, &request, shown(args.log_format), stop_on_signal()).await?;
    Ok(())
}
