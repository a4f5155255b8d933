//! The command line: what was typed, made into what is meant, and its result printed.

/// A line of result on stdout. A reader that closed the pipe (`… | head`) has what it wanted.
macro_rules! say {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($part)*);
    }};
}

mod args;
mod audience;
mod changed_cells;
mod check;
mod closed_pipe;
mod colour;
mod completions;
mod csv_writer;
mod demo;
mod file_format;
mod forget;
mod history;
mod identity;
mod init;
mod listing;
mod manual;
mod output;
mod pipeline_file;
mod progress;
mod quarantine;
mod query;
mod report;
mod row_writer;
mod run;
mod schedule;
mod schema;
mod signal;
mod tables;
mod terminal_width;
mod test;
mod upkeep;
mod why;
mod xlsx_cell;
mod xlsx_writer;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::error::Result;
use crate::storage::spill;

/// A customer warehouse in one binary.
///
/// Scheduled runs consolidate the exports of all channels into Delta tables, resolve the customer
/// behind the records, segment and score, draw target lists, and publish the whole night or nothing.
#[derive(Debug, Parser)]
#[command(name = "sillage", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write the exports of a sample retailer and run the nightly pipeline over them
    Demo(demo::DemoArgs),
    /// Start a project: a pipeline file and its first model
    Init(init::InitArgs),
    /// Show what a run would do and why, and do nothing
    Plan(run::PlanArgs),
    /// Run a pipeline: ingest, compute, check, and publish all of it or nothing
    Run(run::RunArgs),
    /// Try models on given rows, without data and without a warehouse
    ///
    /// The tests of sql/<pipeline>/core/orders.sql are in core/orders.test.toml beside it:
    ///
    ///   as_of = "2026-07-01"
    ///
    ///   [[test]]
    ///   name = "a return is no order"
    ///   given."core.order_lines" = [{ order_id = "o1", is_return = true, net_amount = -5 }]
    ///   expect = []
    ///
    /// Tables that are read and not given are empty, columns that are not given are null, and only
    /// the columns that `expect` names are compared. Events at or after `as_of` are hidden, as in a
    /// run; an instant without a zone is the pipeline's. Rows may also be a block of CSV text, in
    /// which an empty field is null and "" the empty text. `ordered = true` compares the order of
    /// rows too, `tolerance = 0.01` lets floats differ by as much. A test that fails shows the rows
    /// that differ; exit code 1.
    #[command(verbatim_doc_comment)]
    Test(test::TestArgs),
    /// Ask a pipeline's checks of the last release
    ///
    /// Nothing is computed anew and nothing is published: useful after the checks were changed, and
    /// before a release is trusted. Exit code 1 when a check of severity `error` is broken.
    Check(check::CheckArgs),
    /// Do the last run again that failed or was cut off, without the steps it had finished
    Retry(run::RetryArgs),
    /// Run every pipeline of a folder at its cron times, one at a time
    Schedule(schedule::ScheduleArgs),
    /// List the tables of the warehouse
    Ls(tables::LsArgs),
    /// Show a table: its columns and first rows
    Show(tables::ShowArgs),
    /// Query the warehouse with SQL, as of its last release
    Query(query::QueryArgs),
    /// Write a release's report: one HTML file that needs nothing else
    ///
    /// A section is there where its tables are: the portfolio of customers, the way from sales to profit, what customers
    /// will bring and whether promises were kept, what winning them costs, the objectives, who is who, and the models.
    /// Counts, shares and sums only, nothing about a person, and no group of fewer than 5 customers alone.
    Report(report::ReportArgs),
    /// Why a metric is not what it was: its change between two releases, split by cause
    ///
    /// Late data, corrections and merged identities are what is known better by now of the earlier rows; volume, mix
    /// and rate are how the later rows differ from them. The parts add up to the change to the last digit. Both releases
    /// must be kept.
    Why(why::WhyArgs),
    /// List the runs: when, as of when, how they ended
    History(history::HistoryArgs),
    /// List the releases
    Releases(history::ReleasesArgs),
    /// Look at refused records, and read them again once their source's declaration is fixed
    #[command(subcommand)]
    Quarantine(quarantine::QuarantineVerb),
    /// Take a person out of every table and keep them out
    ///
    /// The person is found by any identifier. Their rows leave the raw tables, or are blanked where a source
    /// declares `anonymise`; everything else is computed anew, as of the last release's instant, and
    /// published. All earlier releases are purged. On a terminal it shows what it found and asks first;
    /// nothing is done when nobody is found. Keyed hashes of their identifiers, in
    /// ops.suppressions, keep them out of later exports; the key is in SILLAGE_SUPPRESSION_KEY.
    Forget(forget::ForgetArgs),
    /// Bring an earlier release back, as the next one
    Restore(upkeep::RestoreArgs),
    /// Write tables of many small files as few large ones
    Optimize(upkeep::OptimizeArgs),
    /// Delete old releases and the files that no kept release needs
    Vacuum(upkeep::VacuumArgs),
    /// Copy the last release to another place, as a warehouse of its own
    Backup(upkeep::BackupArgs),
    /// Bring a warehouse that an older sillage made to the format of this one
    ///
    /// A release that was cut off while it was published is published; a run that was cut off before
    /// that is dropped, and the next run does its work again. Releases stay readable and restorable.
    /// Killed anywhere and called again it ends the same.
    Migrate(upkeep::MigrateArgs),
    /// Why two records are, or are not, one customer
    #[command(subcommand)]
    Identity(identity::IdentityVerb),
    /// Export target lists, explain who is on or off
    #[command(subcommand)]
    Audience(audience::AudienceVerb),
    /// Read the manual: its chapters, or one of them
    Manual(manual::ManualArgs),
    /// Print the JSON schema of a kind of file, by which editors check and complete it
    Schema(schema::SchemaArgs),
    /// Write a script that completes verbs and options in a shell
    ///
    /// For bash: sillage completions bash > ~/.local/share/bash-completion/completions/sillage. For zsh into
    /// a file _sillage in a folder of $fpath; for fish into ~/.config/fish/completions/sillage.fish.
    Completions(completions::CompletionsArgs),
}

/// A panic is a defect, and its words may hold row values: only its place is shown, unless somebody
/// asks for more with RUST_BACKTRACE.
fn tell_panics_by_their_place() {
    if std::env::var_os("RUST_BACKTRACE").is_some() {
        return;
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
        // delta-rs catches this one itself: a failed upload that can no longer be aborted. The
        // error of the upload is reported by the step.
        if place.contains("object_store-") && place.contains("buffered.rs") {
            return;
        }
        // So is a damaged Parquet file, by the source that reads it.
        if ["/parquet-", "/arrow-ipc-"].iter().any(|library| place.contains(library))
            && std::thread::current().name().is_some_and(|n| n.starts_with("tokio"))
        {
            return;
        }
        // And a full disk, by the writer of workbooks.
        if place.contains("/rust_xlsxwriter-") {
            return;
        }
        let file = place.rsplit_once("/src/").map_or(place.as_str(), |(_, file)| file);
        eprintln!("error: a defect, in {file}; RUST_BACKTRACE=1 shows more, row values perhaps among it");
    }));
}

/// The whole program.
pub fn main() -> ExitCode {
    tell_panics_by_their_place();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(shown) => {
            let wrong = shown.use_stderr();
            // Help that a closed pipe does not want is no failure.
            let _ = shown.print();
            return ExitCode::from(if wrong { 2 } else { 0 });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: could not start: {error}");
            return ExitCode::from(1);
        }
    };
    let code = match runtime.block_on(dispatch(cli.verb)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", colour::error(&format!("error: {error}")));
            ExitCode::from(error.kind().exit_code())
        }
    };
    spill::clear();
    // After an error threads of delta-rs may still wait for an answer. Taking the runtime down would
    // make them panic, and a clean failure look like a defect; they end with the process.
    std::mem::forget(runtime);
    code
}

async fn dispatch(verb: Verb) -> Result<()> {
    match verb {
        Verb::Demo(args) => demo::demo(args).await,
        Verb::Init(args) => init::init(&args),
        Verb::Plan(args) => run::plan(args).await,
        Verb::Run(args) => run::run(args).await,
        Verb::Test(args) => test::test(args).await,
        Verb::Check(args) => check::check(args).await,
        Verb::Retry(args) => run::retry(args).await,
        Verb::Schedule(args) => schedule::schedule(args).await,
        Verb::Ls(args) => tables::ls(args).await,
        Verb::Show(args) => tables::show(args).await,
        Verb::Query(args) => query::query(args).await,
        Verb::Report(args) => report::report(args).await,
        Verb::Why(args) => why::why(args).await,
        Verb::History(args) => history::history(args).await,
        Verb::Releases(args) => history::releases(args).await,
        Verb::Quarantine(verb) => quarantine::quarantine(verb).await,
        Verb::Forget(args) => forget::forget(args).await,
        Verb::Restore(args) => upkeep::restore(args).await,
        Verb::Optimize(args) => upkeep::optimize(args).await,
        Verb::Vacuum(args) => upkeep::vacuum(args).await,
        Verb::Backup(args) => upkeep::backup(args).await,
        Verb::Migrate(args) => upkeep::migrate(args).await,
        Verb::Identity(verb) => identity::identity(verb).await,
        Verb::Audience(verb) => audience::audience(verb).await,
        Verb::Manual(args) => manual::manual(&args),
        Verb::Schema(args) => schema::schema(&args),
        Verb::Completions(args) => {
            completions::completions(&args, Cli::command());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
