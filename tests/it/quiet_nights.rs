//! Quiet nights of the shipped pipelines: the same night again gives the same bytes, later nights without news keep
//! every model, and of many nights and one only what was fitted on the way is otherwise.
//!
//! `SILLAGE_QUIET_NIGHTS=30` tries that many nights before and after (one without it). Where `SILLAGE_DATA` is the
//! folder of the real sets too, the pipelines over these are tried besides the demo.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::AsArray;
use chrono::{Days, NaiveDate};
use sillage::name::TableName;
use sillage::warehouse::Warehouse;
use sillage::warehouse::catalog::{Catalog, Session};
use sillage::warehouse::engine::Engine;

use crate::shop::{CommandResult, sillage};

/// What many nights may have otherwise than one: since when a record has its id; what each night said and promised; the
/// segments, which go on from the last night's centroids, and what is told by them; and the lists, which are made of
/// these and draw their control groups by ids.
const OF_THE_WAY: [&str; 14] = [
    "core.customer_id_history",
    "core.forecasts",
    "mart.forecast_accuracy",
    "mart.metrics",
    "mart.objectives",
    "mart.dim_customer",
    "mart.portfolio_splits",
    "mart.segment_profiles",
    "mart.segments",
    "mart.segments_behaviour",
    "mart.list_decisions",
    "mart.list_waterfall",
    "mart.target_lists",
    "mart.list_definitions",
];

struct Nights {
    pipeline: PathBuf,
    exports: PathBuf,
    folder: PathBuf,
}

impl Nights {
    fn run(&self, warehouse: &str, day: NaiveDate) -> PathBuf {
        let warehouse = self.folder.join(warehouse);
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.arg("run").arg(&self.pipeline).args(["--as-of", &day.to_string(), "--warehouse"]);
        command.arg(&warehouse).env("SILLAGE_DATA", &self.exports);
        CommandResult::of(command.output().unwrap()).published();
        warehouse
    }

    /// Goes through the nights around a day.
    fn are_quiet(&self, day: NaiveDate, nights: u64) {
        for before in (1..=nights).rev() {
            self.run("many", day - Days::new(before));
        }
        // The demo has run its night.
        let one = self.folder.join("warehouse");
        if !one.exists() {
            self.run("warehouse", day);
        }
        let many = self.run("many", day);
        let differ = differing(&Tables::of(&many), &Tables::of(&one));
        println!("{}: {nights} nights before against none: {differ:?} differ", self.pipeline.display());
        assert!(differ.iter().all(|table| OF_THE_WAY.contains(&table.as_str())), "{differ:?}");

        let (shelf, first) = (crate::shop::shelf(&one), Tables::of(&one));
        self.run("warehouse", day);
        let again = Tables::of(&one);
        assert!(crate::shop::shelf(&one) == shelf, "the same night again has other bytes");
        assert_eq!(again.parameters, first.parameters);

        for after in 1..=nights {
            let later = day + Days::new(after);
            self.run("warehouse", later);
            assert_eq!(Tables::of(&one).parameters, first.parameters, "as of {later}");
        }
    }
}

/// The rows of a release's tables, ids aside, and the parameters of its models.
struct Tables {
    rows: BTreeMap<String, Vec<String>>,
    parameters: Vec<String>,
}

impl Tables {
    fn of(warehouse: &Path) -> Tables {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let warehouse = Warehouse::open(warehouse.to_str().unwrap()).await.unwrap();
            let release = warehouse.last_release().await.unwrap().unwrap();
            let engine = Engine::new(sillage::run::Request::all().limits, &warehouse).unwrap();
            let names: Vec<TableName> = release.tables.keys().cloned().collect();
            let catalog = Catalog::new(warehouse, engine, Some(&release), BTreeMap::new());
            let session = catalog.session(&names, None).await.unwrap();
            let called = called(&session, &names).await;
            let mut rows = BTreeMap::new();
            for name in names.iter().filter(|name| name.schema() != "ops") {
                let said = |word: &str| called.get(word).cloned().unwrap_or_else(|| rounded(word));
                rows.insert(name.to_string(), texts(&session, &format!("select * from {name}"), said).await);
            }
            // A campaign that is over is news to an uplift, which is learnt again, also where that changes nothing.
            let parameters = format!(
                "select model, name, position, value, note from ops.models where part = 'parameter' and run = {}
                 and not (kind = 'uplift' and name = 'fitted_as_of')",
                release.release
            );
            Tables { rows, parameters: texts(&session, &parameters, str::to_owned).await }
        })
    }
}

/// What an id stands for: warehouses with other nights have the same customers, households and companies, and may
/// call them otherwise. Each is called by the first of its records.
async fn called(session: &Session, names: &[TableName]) -> BTreeMap<String, String> {
    let mut called = BTreeMap::new();
    for (table, sql) in [
        (
            "core.customer_ids",
            "select customer_id, min(source || ':' || record_id) from core.customer_ids group by 1",
        ),
        (
            "core.households",
            "select household_id, 'household of ' || min(source || ':' || record_id)
             from core.households join core.customer_ids using (customer_id) group by 1",
        ),
        (
            "core.organisation_ids",
            "select organisation_id, 'company ' || min(source || ':' || record_id)
             from core.organisation_ids group by 1",
        ),
    ] {
        if names.iter().any(|name| name.to_string() == table) {
            let sql =
                format!("select arrow_cast(a, 'Utf8'), arrow_cast(b, 'Utf8') from ({sql}) as named(a, b)");
            for batch in session.sql(&sql).await.unwrap().collect().await.unwrap() {
                let [ids, names] = [0, 1].map(|n| batch.column(n).as_string::<i32>().iter().flatten());
                called.extend(ids.zip(names).map(|(id, name)| (id.to_owned(), name.to_owned())));
            }
        }
    }
    called
}

/// The rows of a query in no order, without the run that wrote them, each word as it is to be said.
async fn texts(session: &Session, sql: &str, said: impl Fn(&str) -> String) -> Vec<String> {
    let mut frame = session.sql(sql).await.unwrap();
    if frame.schema().has_column_with_unqualified_name("_run") {
        frame = frame.drop_columns(&["_run"]).unwrap();
    }
    let mut rows = Vec::new();
    for batch in frame.collect().await.unwrap() {
        let text = arrow::util::pretty::pretty_format_batches(&[batch]).unwrap().to_string();
        let lines = text.lines().skip(3).filter(|line| line.starts_with('|'));
        rows.extend(lines.map(|line| line.split_whitespace().map(&said).collect::<Vec<_>>().join(" ")));
    }
    rows.sort_unstable();
    rows
}

/// A fraction without its last digits: sums of a fit follow the order of ids.
fn rounded(word: &str) -> String {
    match word.parse::<f64>() {
        Ok(number) if word.contains('.') => format!("{number:.9e}"),
        _ => word.to_owned(),
    }
}

fn differing(one: &Tables, other: &Tables) -> Vec<String> {
    assert!(one.rows.keys().eq(other.rows.keys()));
    let differs = |(table, rows): &(&String, &Vec<String>)| other.rows[*table] != **rows;
    one.rows.iter().filter(differs).map(|(table, _)| table.clone()).collect()
}

#[test]
fn nights_without_news_change_nothing() {
    let nights: u64 = std::env::var("SILLAGE_QUIET_NIGHTS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    let customers = if nights > 1 { "2000" } else { "250" };
    sillage(["demo", "--customers", customers, demo.to_str().unwrap()]).published();
    let (pipeline, exports) = (demo.join("pipelines/nightly.toml"), demo.join("exports"));
    let nightly = Nights { pipeline, exports, folder: demo };
    nightly.are_quiet("2026-07-01".parse().unwrap(), nights);
    let Some(data) = std::env::var_os("SILLAGE_DATA").filter(|_| nights > 1) else { return };
    for (name, day) in [("online_retail", "2011-03-01"), ("complete_journey", "2018-01-01")] {
        let pipelines = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
        let (pipeline, exports) = (pipelines.join(format!("{name}.toml")), PathBuf::from(&data));
        let real = Nights { pipeline, exports, folder: folder.path().join(name) };
        real.are_quiet(day.parse().unwrap(), nights);
    }
}
