//! `schema`: what editors check and complete the files of a project by.

use clap::{Args, ValueEnum};

use crate::error::{Context, Result};
use crate::pipeline::FileKind;

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which kind of file
    #[arg(value_enum, default_value_t = SchemaOf::Pipeline)]
    of: SchemaOf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaOf {
    /// pipelines/NAME.toml
    Pipeline,
    /// A source in a file of its own
    Source,
    /// An audience in a file of its own
    Audience,
    /// sql/PIPELINE/SCHEMA/TABLE.toml
    Properties,
}

pub fn schema(args: &SchemaArgs) -> Result<()> {
    let kind = match args.of {
        SchemaOf::Pipeline => FileKind::Pipeline,
        SchemaOf::Source => FileKind::Source,
        SchemaOf::Audience => FileKind::Audience,
        SchemaOf::Properties => FileKind::Properties,
    };
    say!("{}", serde_json::to_string_pretty(&kind.schema()).doing("write the schema")?);
    Ok(())
}
