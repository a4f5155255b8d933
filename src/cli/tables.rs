//! `ls` and `show`: what there is.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use arrow::util::pretty::pretty_format_batches;
use clap::Args;

use super::args::{LimitArgs, WarehouseArg};
use super::listing::Listing;
use super::output::OutputArgs;
use super::progress::grouped;
use super::query::{ReadArgs, VersionArgs, open};
use super::terminal_width::{columns_that_fit, cut, terminal_width};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_text::one_line;
use crate::sql_type::sql_type;
use crate::warehouse::description::TableDescription;
use crate::warehouse::table::Table;

#[derive(Debug, Args)]
pub struct LsArgs {
    #[command(flatten)]
    warehouse: WarehouseArg,
    /// List the tables of an earlier release
    #[arg(long, value_name = "N")]
    release: Option<u64>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// schema.table, for example mart.segments
    table: String,
    /// How many rows
    #[arg(short = 'n', long, default_value_t = 10)]
    rows: usize,
    /// Everything, also what does not fit the terminal
    #[arg(long)]
    all: bool,
    /// Only the columns: name, type and description
    #[arg(long)]
    columns: bool,
    #[command(flatten)]
    versions: VersionArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub async fn ls(args: LsArgs) -> Result<()> {
    let catalog = open(&args.warehouse.warehouse, args.release, &args.limits).await?;
    let mut tables = Vec::new();
    for name in catalog.released() {
        if let Some(table) = catalog.table(name).await? {
            tables.push((name.to_string(), table));
        }
    }
    Listing::default()
        .text("table", tables.iter().map(|(name, _)| name))
        .numbers("rows", tables.iter().map(|(_, table)| Some(table.rows)))
        .numbers("kilobytes", tables.iter().map(|(_, table)| Some(table.bytes / 1024)))
        .numbers("version", tables.iter().map(|(_, table)| table.version))
        .write(&args.output)
}

pub async fn show(args: ShowArgs) -> Result<()> {
    let catalog = args.read.open_with(&args.versions).await?;
    let name = args.table.parse::<TableName>().map_err(|e| match catalog.near(&args.table) {
        Some(near) => Error::config(e.message()).hint(near),
        None => e,
    })?;
    let Some(table) = catalog.table(&name).await? else {
        return Err(catalog.unknown(&name));
    };
    if args.columns {
        return columns(&table).write(&args.read.output);
    }
    let session = catalog.session([&name], None).await?;
    let all = session.table(&name).await?;
    let frame = all.clone().limit(0, Some(args.rows)).doing("take the first rows")?;
    if args.read.output.output.is_some() || args.read.output.format.is_some() {
        args.read.output.write(&catalog, frame).await?;
        return Ok(());
    }
    let width = terminal_width().filter(|_| !args.all);
    // Of a raw table models see less than it holds.
    let seen = match name.schema() {
        "raw" => all.count().await.doing("count the rows")? as u64,
        _ => table.rows,
    };
    match seen == table.rows {
        true => say!("{name}: {} rows", grouped(seen)),
        false => say!("{name}: {} rows, of {} that were read", grouped(seen), grouped(table.rows)),
    }
    if let Some(text) = &table.description.text {
        let text = one_line(text);
        say!("  {}", width.map_or_else(|| text.clone(), |width| cut(&text, width.saturating_sub(2))));
    }
    for line in described(&table.schema, &table.description, width) {
        say!("{line}");
    }
    let Some(width) = width else {
        args.read.output.write(&catalog, frame).await?;
        return Ok(());
    };
    let schema = frame.schema().inner().clone();
    let batches = frame.collect().await.doing("take the first rows")?;
    let rows: RecordBatch = concat_batches(&schema, &batches).doing("take the first rows")?;
    let shown = columns_that_fit(&rows, width)?;
    let count = shown.num_columns();
    say!("{}", pretty_format_batches(&[shown]).doing("draw the table")?);
    if count < rows.num_columns() {
        say!("{count} of {} columns; all of them with --all", rows.num_columns());
    }
    Ok(())
}

fn columns(table: &Table) -> Listing {
    let fields = table.schema.fields();
    Listing::default()
        .text("column", fields.iter().map(|field| field.name()))
        .text("type", fields.iter().map(|field| sql_type(field.data_type())))
        .maybe_text("description", fields.iter().map(|field| table.description.columns.get(field.name())))
}

/// A line for each column: its name, type and description, within the width.
fn described(schema: &Schema, description: &TableDescription, width: Option<usize>) -> Vec<String> {
    let fields = schema.fields();
    let types: Vec<String> = fields.iter().map(|field| sql_type(field.data_type())).collect();
    let longest =
        |texts: &mut dyn Iterator<Item = &String>| texts.map(|t| t.chars().count()).max().unwrap_or(0);
    let name_width = longest(&mut fields.iter().map(|field| field.name()));
    let type_width = longest(&mut types.iter());
    let line = |n: usize| {
        let about = description.columns.get(fields[n].name()).map(|text| one_line(text));
        let (name, kind) = (fields[n].name(), &types[n]);
        let line = format!("  {name:name_width$}  {kind:type_width$}  {}", about.unwrap_or_default());
        let line = line.trim_end();
        width.map_or_else(|| line.to_owned(), |width| cut(line, width))
    };
    (0..fields.len()).map(line).collect()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;

    #[test]
    fn a_column_is_a_line_that_fits() {
        let columns = [("customer_id".to_owned(), "Who,\nnight after night".to_owned())].into();
        let description = TableDescription { text: None, columns };
        let schema = Schema::new(vec![
            Field::new("customer_id", DataType::Utf8, false),
            Field::new("n", DataType::Decimal128(10, 2), true),
        ]);
        assert_eq!(
            described(&schema, &description, None),
            ["  customer_id  text           Who, night after night", "  n            decimal(10,2)"]
        );
        assert_eq!(
            described(&schema, &description, Some(36)),
            ["  customer_id  text           Who, …", "  n            decimal(10,2)"]
        );
    }
}
