//! `quarantine ls`, `show`, `replay` and `dismiss`: refused records counted, looked at, read again, and done
//! with.

use arrow::array::AsArray;
use clap::{Args, Subcommand};

use super::args::{LimitArgs, WaitArg, WarehouseArg};
use super::output::OutputArgs;
use super::progress::{LogFormat, shown};
use super::query::open;
use super::run::RequestArgs;
use super::signal::stop_on_signal;
use crate::error::{Context, Error, Result};
use crate::ops::quarantine;
use crate::run::dismiss::Dismissal;
use crate::run::{self, Mode, Request, execute, preview};
use crate::sql_text::quoted;
use crate::suggestion::did_you_mean;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Session;

#[derive(Debug, Subcommand)]
pub enum QuarantineVerb {
    /// Count the refused records by source, file, column, reason and run
    ///
    /// Those whose status is `run failed` wait until the next run reads their file again.
    Ls(LsArgs),
    /// Show refused records, values and all: they may be personal data
    Show(ShowArgs),
    /// Run the pipeline, reading the refused records of a source again; those that fit now are kept
    Replay(ReplayArgs),
    /// Dismiss refused records for good, saying who does and why
    ///
    /// They wait no more and are not read again, nor do they wait once more when all files are read anew
    /// and still say the same. Each dismissal stays in ops.quarantine.
    Dismiss(DismissArgs),
}

/// Which refused records.
#[derive(Debug, Args)]
struct SelectionArgs {
    /// Only of this source
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Only those that this run refused
    #[arg(long, value_name = "N")]
    run: Option<u64>,
    /// Only of this file
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Only the one that begins in this line
    #[arg(long, value_name = "N", requires = "file")]
    line: Option<u64>,
    /// Only for this column
    #[arg(long, value_name = "COLUMN")]
    column: Option<String>,
    /// Only those whose reason holds this text
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Which refused records, and whether only those that wait.
#[derive(Debug, Args)]
struct ChoiceArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Also those that no longer wait: replayed, dismissed, refused again, read again with their file
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub struct LsArgs {
    #[command(flatten)]
    choice: ChoiceArgs,
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    choice: ChoiceArgs,
    /// How many records
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The source whose declaration was fixed
    source: String,
    #[command(flatten)]
    request: RequestArgs,
    /// How progress is shown: bars and lines for people, or one JSON object per line
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    wait: WaitArg,
}

#[derive(Debug, Args)]
pub struct DismissArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Who dismisses them
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why they may be done without
    #[arg(long, value_name = "TEXT")]
    because: String,
    #[command(flatten)]
    warehouse: WarehouseArg,
    #[command(flatten)]
    wait: WaitArg,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn quarantine(verb: QuarantineVerb) -> Result<()> {
    match verb {
        QuarantineVerb::Ls(args) => ls(args).await,
        QuarantineVerb::Show(args) => show(args).await,
        QuarantineVerb::Replay(args) => replay(args).await,
        QuarantineVerb::Dismiss(args) => dismiss(args).await,
    }
}

/// Columns for those that no longer wait.
const WHAT_BECAME: &str = ", replayed_run, dismissed_by, dismissed_because";
const NOTHING: &str = "no record was ever refused";

async fn ls(args: LsArgs) -> Result<()> {
    let catalog = open(&args.warehouse.warehouse, None, &args.limits).await?;
    let Some(session) = quarantine::session(&catalog).await? else {
        args.output.beside(NOTHING);
        return Ok(());
    };
    let chosen = args.choice.condition();
    let screen = args.output.is_screen_table();
    if screen && count(&session, &chosen).await? == 0 {
        say!("{}", args.choice.none(&session).await?);
        return Ok(());
    }
    let more = if args.choice.all { WHAT_BECAME } else { "" };
    let sql = quarantine::query(&format!(
        "select source, file, \"column\", reason, run, status{more}, count(*) as records from record_status where {chosen} \
         group by source, file, \"column\", reason, run, status{more} \
         order by records desc, source, file, \"column\", reason, run, status{more}"
    ));
    args.output.write(&catalog, session.sql(&sql).await.doing("read the quarantine")?).await?;
    Ok(())
}

async fn show(args: ShowArgs) -> Result<()> {
    let catalog = open(&args.warehouse.warehouse, None, &args.limits).await?;
    let Some(session) = quarantine::session(&catalog).await? else {
        args.output.beside(NOTHING);
        return Ok(());
    };
    let chosen = args.choice.condition();
    let records = count(&session, &chosen).await?;
    let screen = args.output.is_screen_table();
    if screen && records == 0 {
        say!("{}", args.choice.none(&session).await?);
        return Ok(());
    }
    let more = if args.choice.all { WHAT_BECAME } else { "" };
    let sql = quarantine::query(&format!(
        "select source, file, line, \"column\", reason, run, status{more}, record from record_status where {chosen} \
         order by source, file, line, run limit {}",
        args.limit
    ));
    args.output.write(&catalog, session.sql(&sql).await.doing("read the quarantine")?).await?;
    if screen && records > args.limit {
        say!("{} of {records} records; more with --limit", args.limit);
    }
    Ok(())
}

async fn count(session: &Session, chosen: &str) -> Result<usize> {
    let sql = quarantine::query(&format!("select source from record_status where {chosen}"));
    let doing = "read the quarantine";
    session.sql(&sql).await.doing(doing)?.count().await.doing(doing)
}

/// The sources of which records were refused.
async fn sources(session: &Session) -> Result<Vec<String>> {
    let sql = quarantine::query("select distinct source from record_status order by source");
    let doing = "read the quarantine";
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    let texts = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
    Ok(texts.map(str::to_owned).collect())
}

impl SelectionArgs {
    /// The selection as a SQL condition over the quarantine; `None` when it is everything.
    fn condition(&self) -> Option<String> {
        let mut conditions = Vec::new();
        for (column, value) in [("source", &self.source), ("file", &self.file), ("column", &self.column)] {
            if let Some(value) = value {
                conditions.push(format!("\"{column}\" = {}", quoted(value)));
            }
        }
        if let Some(run) = self.run {
            conditions.push(format!("run = {run}"));
        }
        if let Some(line) = self.line {
            conditions.push(format!("line = {line}"));
        }
        if let Some(text) = &self.reason {
            conditions.push(format!("strpos(reason, {}) > 0", quoted(text)));
        }
        (!conditions.is_empty()).then(|| conditions.join(" and "))
    }
}

impl ChoiceArgs {
    fn condition(&self) -> String {
        let waits = if self.all { "true" } else { "status in ('open', 'run failed')" };
        match self.selection.condition() {
            Some(selection) => format!("{waits} and {selection}"),
            None => waits.to_owned(),
        }
    }

    async fn none(&self, session: &Session) -> Result<String> {
        if let Some(source) = &self.selection.source {
            let known = sources(session).await?;
            let near = did_you_mean(source, known.iter().map(String::as_str));
            if let Some(near) = near.filter(|_| !known.contains(source)) {
                return Ok(format!("no record of a source `{source}` was ever refused: {near}"));
            }
        }
        let message = match (self.selection.condition().is_some(), self.all) {
            (false, false) => "no refused record waits; --all shows those that no longer do",
            (true, false) => "no refused record like that waits; --all shows those that no longer do",
            (_, true) => "there is no refused record like that",
        };
        Ok(message.to_owned())
    }
}

async fn replay(args: ReplayArgs) -> Result<()> {
    let (pipeline, location, request) = args.request.resolve()?;
    let warehouse = Warehouse::open(&location).await?;
    let mode = Mode::Replay([args.source.clone()].into());
    let request = Request { mode, wait: args.wait.wait(), ..request };
    // Where nothing waits nothing is run, unless a run was cut off, or its release half published.
    let plan = preview::preview(&pipeline, &location, &request).await?;
    let waits = plan.intakes.values().any(|intake| !intake.replay.is_empty());
    let last = warehouse.last_release().await?;
    if !waits
        && warehouse.unfinished_run(last.as_ref()).await?.is_none_or(|run| run.failed)
        && warehouse.is_recovered().await?
    {
        say!("no refused record of {} waits: nothing was run", args.source);
        return Ok(());
    }
    execute::run(&pipeline, &location, &request, shown(args.log_format), stop_on_signal()).await?;
    Ok(())
}

async fn dismiss(args: DismissArgs) -> Result<()> {
    let Some(chosen) = args.selection.condition() else {
        return Err(Error::config("which refused records are to be dismissed?").hint(
            "choose them as `quarantine ls` does, for example --source orders --file march.csv --line 12",
        ));
    };
    for (flag, text) in [("--by", &args.by), ("--because", &args.because)] {
        if text.trim().is_empty() {
            return Err(Error::config(format!("{flag} is empty"))
                .hint("the quarantine shows who dismissed the records, and why"));
        }
    }
    let warehouse = Warehouse::open(&args.warehouse.warehouse).await?;
    let dismissal = Dismissal { by: args.by, because: args.because };
    let done = run::dismiss::dismiss(&warehouse, &chosen, &dismissal, args.limits.limits(), args.wait.wait())
        .await?;
    match done.release {
        Some(release) => say!(
            "{} refused record{} dismissed, by release {release}",
            done.records,
            if done.records == 1 { "" } else { "s" }
        ),
        None => {
            say!("no refused record like that waits: nothing was dismissed; --all of `ls` shows the others")
        }
    }
    Ok(())
}
