//! `forget`: a person taken out of the warehouse, and the receipt.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use super::args::{LimitArgs, PipelineArgs, WaitArg};
use super::progress::{LogFormat, grouped, shown};
use super::signal::stop_on_signal;
use crate::erasure::Receipt;
use crate::error::{Context, Error, Result};
use crate::ops::Identifier;
use crate::ops::suppressions::SuppressionKey;
use crate::run::Request;
use crate::run::erasure_preview::{self, Forgetting, Found};
use crate::run::forget;

#[derive(Debug, Args)]
pub struct ForgetArgs {
    #[command(flatten)]
    place: PipelineArgs,
    /// What identifies the person: a kind of key of [identity] with its value, or customer_id=…
    #[arg(long = "id", value_name = "KIND=VALUE")]
    ids: Vec<Identifier>,
    /// File with one KIND=VALUE a line, `-` for standard input: other users of the machine can read
    /// what stands on the command line
    #[arg(long, value_name = "FILE")]
    ids_from: Option<PathBuf>,
    /// The identifiers may belong to more than one customer: forget them all
    #[arg(long)]
    several: bool,
    /// Publish tables that the pipeline does not make without rows
    #[arg(long)]
    empty_others: bool,
    /// Say what would be forgotten, and forget nobody
    #[arg(long)]
    dry_run: bool,
    /// Do not ask whether it is the right person: needed where there is no terminal to ask on
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// How progress is shown: bars and lines for people, or one JSON object per line
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    wait: WaitArg,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn forget(args: ForgetArgs) -> Result<()> {
    let mut identifiers = args.ids;
    if let Some(file) = &args.ids_from {
        identifiers.extend(read(file)?);
    }
    if identifiers.is_empty() {
        return Err(Error::config("nobody is named")
            .hint("give --id KIND=VALUE or --ids-from FILE, for example --id customer_id=…"));
    }
    let asks = !args.yes && !args.dry_run;
    if asks && !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(Error::config("there is no terminal to ask on whether it is the right person")
            .hint("look with --dry-run what would be forgotten, then give --yes"));
    }
    let (pipeline, location) = args.place.load_without_sources()?;
    let mut asked = Forgetting {
        identifiers,
        several: args.several,
        is_typed: true,
        empty_others: args.empty_others,
        agreed: None,
        key: SuppressionKey::from_environment()?,
    };
    let request = Request { wait: args.wait.wait(), limits: args.limits.limits(), ..Request::all() };
    if args.dry_run {
        show_found(&erasure_preview::preview(&pipeline, &location, &asked, &request).await?);
        return Ok(());
    }
    if asks {
        let found = erasure_preview::preview(&pipeline, &location, &asked, &request).await?;
        if !found.is_anybody() {
            return Err(erasure_preview::nobody());
        }
        show_found(&found);
        if !agrees()? {
            say!("nobody was forgotten");
            return Ok(());
        }
        asked.agreed = Some(found.who);
    }
    let progress = shown(args.log_format);
    match forget::forget(&pipeline, &location, &asked, &request, progress, stop_on_signal()).await? {
        Some(receipt) => show_receipt(&receipt),
        None => say!("they were forgotten before: no table holds them, and they are on the suppression list"),
    }
    Ok(())
}

fn read(file: &PathBuf) -> Result<Vec<Identifier>> {
    let text = match file.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(file),
    };
    let text = text.doing(format!("read the identifiers from {}", file.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(n, line)| {
            line.trim().parse().map_err(|e: Error| e.at(format!("{}:{}", file.display(), n + 1)))
        })
        .collect()
}

/// Whether somebody at the terminal says yes.
fn agrees() -> Result<bool> {
    eprint!("forget them for good, in every table and every earlier release? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).doing("read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn show_found(found: &Found) {
    if !found.is_anybody() {
        say!("nobody was found by these identifiers: nothing would be forgotten");
        return;
    }
    let kinds: Vec<String> = found.identifiers.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    say!("customers: {}; identifiers: {}", found.customers, kinds.join(", "));
    if found.unknown > 0 {
        say!("  {} of the identifiers given belong to no customer: mistyped?", found.unknown);
    }
    if let Some(release) = found.known_to {
        say!("  no table has anything of them now; release {release} has");
    }
    for (table, rows) in &found.rows {
        say!("  {table}: {} rows", grouped(*rows));
    }
    if found.rows.is_empty() {
        say!("  no row of a raw table is theirs");
    }
    if found.refused > 0 {
        say!("  {} refused records would lose their text", grouped(found.refused));
    }
    say!("  {} earlier releases would be purged", found.earlier);
    if found.elsewhere > 0 {
        say!("  {} files and copies elsewhere would be searched", found.elsewhere);
    }
    for table in &found.others {
        say!("  {table} is not made by this pipeline: --empty-others would publish it without rows");
    }
}

fn show_receipt(receipt: &Receipt) {
    say!("release {} holds nothing of them", receipt.release);
    for (table, theirs) in &receipt.tables {
        say!(
            "  {table}: {} rows taken out, {} without their name",
            grouped(theirs.removed),
            grouped(theirs.anonymised)
        );
    }
    if receipt.tables.is_empty() {
        say!("  no row of a raw table was theirs; was an identifier mistyped?");
    }
    say!("  {} refused records without their text", receipt.refused_records);
    for table in &receipt.emptied {
        say!("  {table}: emptied");
    }
    say!("  {} earlier releases purged", receipt.releases_purged);
    for file in &receipt.files {
        match file.rows {
            Some(rows) => say!("  {}: {rows} rows taken out", file.path),
            None if file.look.is_none() => say!("  {}: is gone", file.path),
            None => {}
        }
    }
    for copy in &receipt.replicas {
        match copy.release {
            Some(release) => say!("  {}: forgotten there too, by release {release}", copy.location),
            None if copy.look.is_none() => say!("  {}: is gone, or holds nothing of them", copy.location),
            None => {}
        }
    }
    for (place, why) in receipt.left() {
        say!("  look at {place}: {why}");
    }
    say!("receipt: _sillage/receipts/{:020}.json", receipt.release);
}
