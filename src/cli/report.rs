//! `report`: what a release has to say, as one HTML file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::{LimitArgs, WarehouseArg};
use super::colour::warn;
use super::output::write_whole;
use crate::error::Result;
use crate::report::Language;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::{report, run};

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    warehouse: WarehouseArg,
    /// Tell of an earlier release
    #[arg(long, value_name = "N")]
    release: Option<u64>,
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// Language of the page and of its numbers
    #[arg(long, value_enum, default_value_t = PageLanguage::En)]
    language: PageLanguage,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Languages by their tags.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum PageLanguage {
    En,
    Fr,
}

impl From<PageLanguage> for Language {
    fn from(language: PageLanguage) -> Language {
        match language {
            PageLanguage::En => Language::English,
            PageLanguage::Fr => Language::French,
        }
    }
}

pub async fn report(args: ReportArgs) -> Result<()> {
    let warehouse = Warehouse::open(&args.warehouse.warehouse).await?;
    let release = match args.release {
        Some(number) => warehouse.release(number).await?,
        None => warehouse.require_last_release().await?,
    };
    let engine = run::engine(args.limits.limits(), &warehouse)?;
    let catalog = Catalog::new(warehouse, engine, Some(&release), std::collections::BTreeMap::new());
    let page = report::page(&catalog, &release, args.language.into()).await?;
    // Nothing in it is about a person, so an erasure need not find it.
    write_whole(&args.output, page.html.as_bytes())?;
    page.left_out.iter().for_each(|left_out| warn(left_out));
    say!("release {} in {}", release.release, args.output.display());
    Ok(())
}
