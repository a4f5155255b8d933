//! `demo`: the sample retailer, and its night.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::args::LimitArgs;
use super::progress::{LogFormat, grouped, shown};
use super::signal::stop_on_signal;
use crate::demo::Retailer;
use crate::error::{Error, Result};
use crate::pipeline;
use crate::pipeline::placeholder::Placeholders;
use crate::run::{Request, execute};

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for exports, warehouse and truth
    #[arg(default_value = "demo")]
    dir: PathBuf,
    /// How many persons the retailer knows
    #[arg(long, default_value_t = 20_000)]
    customers: u64,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn demo(args: DemoArgs) -> Result<()> {
    let retailer = Retailer { customers: args.customers, seed: args.seed };
    let dir = args.dir.clone();
    eprintln!(
        "writing the exports of {} persons to {}",
        grouped(args.customers),
        dir.join("exports").display()
    );
    let summary = tokio::task::spawn_blocking(move || retailer.write(&dir))
        .await
        .map_err(|e| Error::failed("the demo broke down").caused_by(e))??;
    eprintln!("{summary}");
    let file = crate::demo::project::unpack(&args.dir)?;
    let exports = std::path::absolute(args.dir.join("exports"))
        .map_err(|e| Error::failed("the demo's folder has no absolute path").caused_by(e))?;
    let placeholders = Placeholders::given([("SILLAGE_DATA".to_owned(), exports.display().to_string())]);
    let pipeline = Arc::new(pipeline::load(&file, &placeholders)?);
    let warehouse = args.dir.join("warehouse").display().to_string();
    let request = Request { limits: args.limits.limits(), ..Request::all() };
    execute::run(&pipeline, &warehouse, &request, shown(args.log_format), stop_on_signal()).await?;
    say!("{}", next_steps(&args.dir, &warehouse));
    Ok(())
}

/// The binary as it was called: after `cargo run` it is not on the path.
fn called() -> String {
    std::env::args().next().unwrap_or_else(|| "sillage".to_owned())
}

fn next_steps(dir: &std::path::Path, warehouse: &str) -> String {
    let sillage = called();
    format!(
        "Look around:\n  \
         {sillage} ls --warehouse {warehouse}\n  \
         {sillage} query \"select segment_name, customers from mart.segment_profiles order by customers desc\" --warehouse {warehouse}\n  \
         {sillage} audience waterfall --warehouse {warehouse}\n  \
         {sillage} report --warehouse {warehouse}\n  \
         {sillage} history --warehouse {warehouse}\n\
         BI tools read the Parquet files in {}",
        dir.join("warehouse/bi/mart").display()
    )
}
