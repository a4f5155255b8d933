//! `init`: a project to start from.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{Context, Error, Result};
use crate::name::is_identifier;

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Folder of the project
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Name of the pipeline
    #[arg(long, default_value = "nightly")]
    name: String,
}

pub fn init(args: &InitArgs) -> Result<()> {
    if !is_identifier(&args.name) {
        return Err(Error::config(format!("`{}` is not a name for a pipeline", args.name))
            .hint("use lower-case letters, digits and underscores"));
    }
    let name = &args.name;
    let files = [
        (format!("pipelines/{name}.toml"), pipeline(name)),
        (format!("sql/{name}/core/orders.sql"), ORDERS.to_owned()),
        (format!("sql/{name}/core/orders.toml"), ORDERS_PROPERTIES.to_owned()),
        (format!("sql/{name}/mart/customer_360.sql"), CUSTOMER_360.to_owned()),
        (format!("sql/{name}/mart/customer_360.toml"), CUSTOMER_360_PROPERTIES.to_owned()),
        (format!("sql/{name}/mart/customer_360.test.toml"), CUSTOMER_360_TEST.to_owned()),
        ("exports/orders.csv".to_owned(), SAMPLE.to_owned()),
    ];
    let there: Vec<&str> = files
        .iter()
        .filter(|(path, _)| args.dir.join(path).exists())
        .map(|(path, _)| path.as_str())
        .collect();
    if !there.is_empty() {
        return Err(Error::config(format!("already there: {}", there.join(", ")))
            .hint("nothing was written; choose another folder or --name"));
    }
    for (path, text) in &files {
        write(&args.dir.join(path), text)?;
        say!("wrote {}", args.dir.join(path).display());
    }
    say!("next: cd {} && sillage run pipelines/{name}.toml", args.dir.display());
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).doing(format!("make {}", folder.display()))?;
    }
    std::fs::write(path, text).doing(format!("write {}", path.display()))
}

fn pipeline(name: &str) -> String {
    format!(
        r#"name = "{name}"
schedule = "0 3 * * *"
timezone = "Europe/Paris"
# Paths are read from the folder above pipelines/.
warehouse = "warehouse"
models = "sql/{name}"
seed = 42

# One section for each source; this one becomes raw.orders.
[sources.orders]
path = "exports/*.csv"
format = "csv"
timezone = "Europe/Paris"
time = "ordered_at"
[sources.orders.columns]
order_id = {{ type = "text", nullable = false }}
customer_id = "text"
ordered_at = {{ type = "timestamp", format = "%Y-%m-%d %H:%M", nullable = false }}
net_amount = "decimal(12,2)"
"#
    )
}

const ORDERS: &str = "-- Grain: one row per order.
select order_id, customer_id, ordered_at, net_amount
from raw.orders
";

const ORDERS_PROPERTIES: &str = r#"description = "One row per order"
key = ["order_id"]
time = "ordered_at"
checks = [{ row_count = { min = 1 } }]

[columns]
net_amount = "What was paid for the order, after discounts and with taxes"
"#;

const CUSTOMER_360_PROPERTIES: &str = r#"description = "One row per customer who has bought"
key = ["customer_id"]

[columns]
recency_days = "Whole days since the last order"
"#;

const CUSTOMER_360: &str = "-- Grain: one row per customer who has bought, as of the run's instant.
select
  customer_id,
  count(*) as orders,
  sum(net_amount) as net_amount,
  max(ordered_at) as last_order_at,
  date_part('day', $as_of - max(ordered_at)) as recency_days
from core.orders
where customer_id is not null
group by customer_id
";

const CUSTOMER_360_TEST: &str = r#"# Tried by `sillage test`, without data.
as_of = "2026-03-01"

[[test]]
name = "an order of tomorrow is not known tonight"
given."core.orders" = [
  { order_id = "o1", customer_id = "alice", ordered_at = "2026-02-26 10:00", net_amount = 10.00 },
  { order_id = "o2", customer_id = "alice", ordered_at = "2026-03-01 00:00", net_amount = 99.00 },
]
expect = [{ customer_id = "alice", orders = 1, net_amount = 10.00, recency_days = 2 }]
"#;

const SAMPLE: &str = "order_id,customer_id,ordered_at,net_amount
o1,alice,2026-01-05 10:12,42.50
o2,bob,2026-01-07 18:40,19.90
o3,alice,2026-02-11 09:05,63.00
";
