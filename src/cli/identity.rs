//! `identity`: why two records are, or are not, one customer, and who they were before.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::pipeline_file::load_pipeline_without_sources;
use super::query::ReadArgs;
use crate::error::{Error, Result};
use crate::identity::{self, Linkage, RecordName};

#[derive(Debug, Subcommand)]
pub enum IdentityVerb {
    /// The match weights of two person records, comparison by comparison, in bits; personal data
    Explain(ExplainArgs),
    /// Who a record was since when, or what became of a customer id, night by night
    Trace(TraceArgs),
}

#[derive(Debug, Args)]
pub struct TraceArgs {
    /// A customer id, or SOURCE:RECORD_ID as in core.customer_ids
    what: String,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// SOURCE:RECORD_ID, as in core.person_records
    left: String,
    /// The other record
    right: String,
    /// Pipeline file, where it declares comparisons of its own
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

pub async fn identity(verb: IdentityVerb) -> Result<()> {
    match verb {
        IdentityVerb::Explain(args) => explain(args).await,
        IdentityVerb::Trace(args) => trace(args).await,
    }
}

async fn explain(args: ExplainArgs) -> Result<()> {
    let linkage = match args.pipeline {
        None => Linkage::for_persons()?,
        some => {
            let pipeline = load_pipeline_without_sources(some)?;
            let persons = pipeline.identity().and_then(|identity| identity.persons.as_ref());
            persons
                .map(|persons| persons.linkage.clone())
                .ok_or_else(|| Error::config("the pipeline names no person records under [identity]"))?
        }
    };
    let (left, right) = (named(&args.left)?, named(&args.right)?);
    let catalog = args.read.open().await?;
    let waterfall = identity::explain(&catalog, &linkage, left, right).await?;
    args.read.output.write(&catalog, waterfall).await?;
    Ok(())
}

async fn trace(args: TraceArgs) -> Result<()> {
    let catalog = args.read.open().await?;
    let found = match args.what.split_once(':') {
        Some((source, record_id)) => {
            identity::trace_record(&catalog, RecordName { source, record_id }).await?
        }
        None => identity::trace_id(&catalog, &args.what).await?,
    };
    args.read.output.write(&catalog, found).await?;
    Ok(())
}

fn named(text: &str) -> Result<RecordName<'_>> {
    match text.split_once(':') {
        Some((source, record_id)) => Ok(RecordName { source, record_id }),
        None => Err(Error::config("a record is named by its source and its id").hint(
            "write SOURCE:RECORD_ID as they stand in core.person_records, for example card:2974000000000",
        )),
    }
}
