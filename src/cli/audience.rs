//! `audience`: lists for marketers, and the reason of every person on or off them.

use std::path::PathBuf;

use arrow::array::AsArray;
use clap::{Args, Subcommand};
use datafusion::logical_expr::{col, lit};

use super::load_pipeline_without_sources;
use super::query::ReadArgs;
use crate::audience;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::pipeline::Step;
use crate::sql_text::quoted;
use crate::warehouse::catalog::Catalog;

#[derive(Debug, Subcommand)]
pub enum AudienceVerb {
    /// The waterfall: from the whole base, reason by reason, down to the list
    Waterfall(WaterfallArgs),
    /// Write a list to a CSV or Parquet file
    Export(ExportArgs),
    /// Why a customer is on or off each list
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
pub struct WaterfallArgs {
    /// The audience; all of them when not given
    audience: Option<String>,
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
    customer_id: String,
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
    let frame = frame
        .sort(vec![col("audience").sort(true, false), col("position").sort(true, false)])
        .doing("order the waterfall")?;
    args.read.output.write(&catalog, frame).await?;
    Ok(())
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
    Err(Error::config(format!("there is no audience `{name}` in this release"))
        .hint(format!("its audiences are {}", names.join(", "))))
}

async fn explain(args: ExplainArgs) -> Result<()> {
    let catalog = args.read.open().await?;
    let table = audience::table(audience::DECISIONS);
    let session = catalog.session([&table], None).await?;
    let frame = session
        .sql(&format!(
            "select audience, reason, rank, score from {table} where cast(customer_id as varchar) = {} order by audience",
            quoted(&args.customer_id)
        ))
        .await
        .doing("look for the customer")?;
    if frame.clone().count().await.doing("look for the customer")? == 0 {
        return Err(
            Error::failed("no audience knows this customer").hint("is it a customer_id of this release?")
        );
    }
    args.read.output.write(&catalog, frame).await?;
    Ok(())
}

async fn export(args: ExportArgs) -> Result<()> {
    let catalog = args.read.open().await?;
    let lists = audience::table(audience::LISTS);
    let declared = match args.pipeline {
        None => None,
        some => Some(
            load_pipeline_without_sources(some)?
                .steps
                .values()
                .find_map(|step| match step {
                    Step::Audiences(all) => all.iter().find(|a| a.name == args.audience).cloned(),
                    _ => None,
                })
                .ok_or_else(|| {
                    Error::config(format!("the pipeline declares no audience `{}`", args.audience))
                })?,
        ),
    };
    known(&catalog, &args.audience).await?;
    let mut tables: Vec<TableName> = vec![lists.clone()];
    let mut columns = String::new();
    let mut joins = String::new();
    if let Some(audience) = declared.filter(|a| !a.export.is_empty()) {
        for (n, from) in audience.from.iter().enumerate() {
            let Some(table) = catalog.table(from).await? else { continue };
            let here: Vec<&String> = audience
                .export
                .iter()
                .filter(|c| table.schema.field_with_name(c).is_ok() && !columns.contains(&format!("\"{c}\"")))
                .collect();
            if here.is_empty() {
                continue;
            }
            joins.push_str(&format!(" left join {from} as t{n} on t{n}.customer_id = l.customer_id"));
            for column in here {
                columns.push_str(&format!(", t{n}.\"{column}\""));
            }
            tables.push(from.clone());
        }
    }
    let control = if args.with_control { "" } else { "and not l.is_control" };
    let sql = format!(
        "select l.*{columns} from {lists} as l{joins} where l.audience = {} {control} order by l.rank",
        quoted(&args.audience)
    );
    let session = catalog.session(&tables, None).await?;
    let rows = args.read.output.write(&catalog, session.sql(&sql).await.doing("read the list")?).await?;
    if args.read.output.output.is_some() {
        say!("{rows} persons of {}", args.audience);
    }
    Ok(())
}
