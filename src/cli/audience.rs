//! `audience`: lists for marketers, and the reason of every person on or off them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use clap::{Args, Subcommand};
use datafusion::logical_expr::{cast, col, lit};
use datafusion::prelude::DataFrame;

use super::colour::warn;
use super::pipeline_file::load_pipeline_without_sources;
use super::query::ReadArgs;
use crate::audience;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::pipeline::Pipeline;
use crate::sql_text::quoted;
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::release::{ListColumns, Release};

#[derive(Debug, Subcommand)]
pub enum AudienceVerb {
    /// The waterfall: from the whole base, reason by reason, down to the list
    Waterfall(WaterfallArgs),
    /// Write a list to a file: a workbook, CSV, Parquet, JSON
    Export(ExportArgs),
    /// Why a customer is on or off each list, by id, card, e-mail address, telephone number or name
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
pub struct WaterfallArgs {
    /// The audience; all of them when not given
    audience: Option<String>,
    /// Also the SQL that decides on each line
    #[arg(long)]
    conditions: bool,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    audience: String,
    /// Pipeline file whose `export` says which columns are added, instead of that of the run which drew the list
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// Also the control group, marked in is_control; left out otherwise: they must not be contacted
    #[arg(long)]
    with_control: bool,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A customer id, the id of a record (a card, an account), an e-mail address, a telephone number, or a name
    who: String,
    #[command(flatten)]
    read: ReadArgs,
}

pub async fn audience(verb: AudienceVerb) -> Result<()> {
    match verb {
        AudienceVerb::Waterfall(args) => waterfall(args).await,
        AudienceVerb::Export(args) => export(args).await,
        AudienceVerb::Explain(args) => explain(args).await,
    }
}

async fn waterfall(args: WaterfallArgs) -> Result<()> {
    let catalog = args.read.open().await?;
    let table = audience::table(audience::WATERFALL);
    let session = catalog.session([&table], None).await?;
    let mut frame = session.table(&table).await?;
    if let Some(name) = args.audience {
        known(&catalog, &name).await?;
        frame = frame.filter(col("audience").eq(lit(name))).doing("pick the audience")?;
    }
    if audience::warns(&catalog).await? {
        warn_of_weak_models(&frame).await?;
    }
    if !args.conditions {
        frame = frame
            .select_columns(&["audience", "position", "reason", "customers"])
            .doing("read the waterfall")?;
    }
    let frame = frame
        .sort(vec![col("audience").sort(true, false), col("position").sort(true, false)])
        .doing("order the waterfall")?;
    args.read.output.write(&catalog, frame).await?;
    Ok(())
}

/// Says which lines depend on the score of a model that may be no better than chance.
async fn warn_of_weak_models(waterfall: &DataFrame) -> Result<()> {
    let doing = "read the warnings of the waterfall";
    let warned = waterfall
        .clone()
        .filter(col("warning").is_not_null())
        .and_then(|lines| {
            lines.sort(vec![col("audience").sort(true, false), col("position").sort(true, false)])
        })
        .and_then(|lines| {
            lines.select(["audience", "reason", "warning"].map(|name| cast(col(name), DataType::Utf8)))
        })
        .doing(doing)?;
    let mut lines: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for batch in warned.collect().await.doing(doing)? {
        let [audience, reason, warning] = [0, 1, 2].map(|column| batch.column(column).as_string::<i32>());
        for row in 0..batch.num_rows() {
            let key = (audience.value(row).to_owned(), warning.value(row).to_owned());
            lines.entry(key).or_default().push(format!("\"{}\"", reason.value(row)));
        }
    }
    for ((audience, warning), reasons) in lines {
        warn(&format!("{audience}: {warning}; it decides on {}", reasons.join(", ")));
    }
    Ok(())
}

fn undeclared(pipeline: &Pipeline, name: &str) -> Error {
    let names: Vec<&str> = pipeline.audiences().iter().map(|audience| audience.name.as_str()).collect();
    Error::config(format!("the pipeline declares no audience `{name}`")).hint(did_you_mean_or_list(
        name,
        names,
        "its audiences are",
    ))
}

/// The audience has been drawn in this release.
async fn known(catalog: &Catalog, name: &str) -> Result<()> {
    let table = audience::table(audience::WATERFALL);
    let session = catalog.session([&table], None).await?;
    let drawn = session
        .sql(&format!("select distinct audience from {table} order by audience"))
        .await
        .doing("look for the audience")?
        .collect()
        .await
        .doing("look for the audience")?;
    let names: Vec<String> = drawn
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned))
        .collect();
    if names.iter().any(|n| n == name) {
        return Ok(());
    }
    Err(Error::config(format!("there is no audience `{name}` in this release")).hint(did_you_mean_or_list(
        name,
        names.iter().map(String::as_str),
        "its audiences are",
    )))
}

async fn explain(args: ExplainArgs) -> Result<()> {
    let (catalog, release) = args.read.open_as_of(|_| BTreeMap::new()).await?;
    let as_of = release.as_ref().map(Release::instant);
    let found = audience::find(&catalog, &args.who).await?;
    let customers = audience::ids(&found).await?;
    let [customer] = customers.as_slice() else {
        // Several customers match: they are listed to choose from.
        args.read.output.write(&catalog, found).await?;
        return Err(Error::failed(format!("{} customers are known by this", customers.len()))
            .hint("explain one of the customer ids above"));
    };
    args.read.output.beside(&format!("customer {customer}"));
    let frame = audience::explain(&catalog, customer, as_of).await?;
    args.read.output.write(&catalog, frame).await?;
    Ok(())
}

async fn export(args: ExportArgs) -> Result<()> {
    let declared = args.pipeline.as_ref().map(|path| declared(path, &args.audience)).transpose()?;
    let of_release = |release: &Release| {
        release.reading.lists.as_ref().and_then(|lists| lists.get(&args.audience)).cloned()
    };
    let (catalog, release) = args
        .read
        .open_as_of(|release| {
            let columns = declared.clone().or_else(|| of_release(release));
            columns.map(|columns| columns.visibility).unwrap_or_default()
        })
        .await?;
    known(&catalog, &args.audience).await?;
    let columns = declared.or_else(|| release.as_ref().and_then(of_release));
    if columns.is_none() {
        warn(
            "an older sillage drew this list and did not write down which columns its audience adds: they are \
             left out; give --pipeline FILE, or run the pipeline again",
        );
    }
    let as_of = release.as_ref().map(Release::instant);
    let frame =
        exported(&catalog, &args, columns.filter(|columns| !columns.export.is_empty()), as_of).await?;
    let rows = args.read.output.write(&catalog, frame).await?;
    if args.read.output.output.is_some() {
        say!("{rows} persons of {}", args.audience);
    }
    Ok(())
}

/// What the pipeline says now of an export of the audience.
fn declared(pipeline: &Path, audience: &str) -> Result<ListColumns> {
    let pipeline = load_pipeline_without_sources(Some(pipeline.to_owned()))?;
    let lists = audience::list_columns(pipeline.audiences(), &pipeline.visibility());
    lists.and_then(|mut lists| lists.remove(audience)).ok_or_else(|| undeclared(&pipeline, audience))
}

/// The rows of an export: the list's own columns, then those that the audience adds.
async fn exported(
    catalog: &Catalog,
    args: &ExportArgs,
    added: Option<ListColumns>,
    as_of: Option<Instant>,
) -> Result<DataFrame> {
    let lists = audience::table(audience::LISTS);
    let from = added.iter().flat_map(|added| &added.from);
    let session = catalog.session(std::iter::once(&lists).chain(from), as_of).await?;
    let (mut columns, mut join) = (String::new(), String::new());
    if let Some(added) = &added {
        let (view, names) =
            audience::register_export(catalog, &session, &args.audience, added, as_of).await?;
        columns = names.iter().map(|name| format!(", e.\"{name}\"")).collect();
        join = format!("left join {view} as e on e.customer_id = l.customer_id");
    }
    let control = if args.with_control { "" } else { "and not l.is_control" };
    let sql = format!(
        "select l.*{columns} from {lists} as l {join} where l.audience = {} {control} order by l.rank",
        quoted(&args.audience)
    );
    session.sql(&sql).await.doing("read the list")
}
