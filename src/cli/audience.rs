//! `audience`: lists for marketers, and the reason of every person on or off them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::array::AsArray;
use clap::{Args, Subcommand};
use datafusion::logical_expr::{col, lit};

use super::pipeline_file::load_pipeline_without_sources;
use super::query::ReadArgs;
use crate::audience;
use crate::error::{Context, Error, Result};
use crate::pipeline::Pipeline;
use crate::sql_text::quoted;
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::catalog::Catalog;

#[derive(Debug, Subcommand)]
pub enum AudienceVerb {
    /// The waterfall: from the whole base, reason by reason, down to the list
    Waterfall(WaterfallArgs),
    /// Write a list to a CSV or Parquet file
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
    /// Pipeline file that declares the audience, for the columns named in its `export`
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
    let (catalog, as_of) = args.read.open_as_of(BTreeMap::new()).await?;
    let found = audience::find(&catalog, &args.who).await?;
    let customers = audience::ids(&found).await?;
    let [customer] = customers.as_slice() else {
        // Whoever asked for a name gets to choose among those who bear it.
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
    let lists = audience::table(audience::LISTS);
    let pipeline = args.pipeline.map(|path| load_pipeline_without_sources(Some(path))).transpose()?;
    let declared = match &pipeline {
        None => None,
        Some(pipeline) => {
            let mut all = pipeline.audiences().iter();
            let found = all.find(|audience| audience.name == args.audience);
            Some(found.ok_or_else(|| undeclared(pipeline, &args.audience))?)
        }
    };
    let visibility = pipeline.as_ref().map(|pipeline| pipeline.visibility()).unwrap_or_default();
    let (catalog, as_of) = args.read.open_as_of(visibility).await?;
    known(&catalog, &args.audience).await?;
    let declared = declared.filter(|audience| !audience.export.is_empty());
    let from = declared.iter().flat_map(|audience| &audience.from);
    let session = catalog.session(std::iter::once(&lists).chain(from), as_of).await?;
    let (mut columns, mut join) = (String::new(), String::new());
    if let Some(audience) = declared {
        let (view, names) = audience::register_export(&catalog, &session, audience, as_of).await?;
        columns = names.iter().map(|name| format!(", e.\"{name}\"")).collect();
        join = format!("left join {view} as e on e.customer_id = l.customer_id");
    }
    let control = if args.with_control { "" } else { "and not l.is_control" };
    let sql = format!(
        "select l.*{columns} from {lists} as l {join} where l.audience = {} {control} order by l.rank",
        quoted(&args.audience)
    );
    let rows = args.read.output.write(&catalog, session.sql(&sql).await.doing("read the list")?).await?;
    if args.read.output.output.is_some() {
        say!("{rows} persons of {}", args.audience);
    }
    Ok(())
}
