//! Two undisturbed nights of the small shop, to compare with disturbed ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sillage::name::TableName;
use sillage::warehouse::Warehouse;
use sillage::warehouse::catalog::Catalog;
use sillage::warehouse::engine::Engine;

use crate::shop::{NIGHTS, Shop, copy_folder, query, shelf};

pub type Shelf = BTreeMap<String, String>;

/// Two nights as they are when nobody strikes: five deliveries, then the sixth.
pub struct Nights {
    pub shop: Shop,
    /// The exports of the first night lie in a shop of their own.
    pub before: Shop,
    pub base: PathBuf,
    pub old: Shelf,
    pub new: Shelf,
    pub old_answer: String,
    pub new_answer: String,
    pub old_lines: String,
    pub new_lines: String,
    pub wall: Duration,
    /// From the intent to the end.
    pub publishing: Duration,
}

impl Nights {
    pub fn unharmed() -> Nights {
        let before = Shop::new();
        before.deliver(0..NIGHTS - 1);
        let shop = Shop::with_all_deliveries();
        let base = shop.warehouse("base");
        before.run(&base, &["--as-of", "2025-11-01"]).published();
        let lines = "select count(*) as n, sum(net_amount) as s from core.order_lines";
        let (old, old_answer, old_lines) = (shelf(&base), answer(&base, None).1, query(&base, lines));

        let unharmed = shop.warehouse("unharmed");
        copy_folder(&base, &unharmed);
        let begun = Instant::now();
        let mut night = shop.night(&unharmed, &[]).spawn().unwrap();
        let intent = unharmed.join(format!("_sillage/journal/{:020}/intent.json", 2));
        wait_for(&mut night, || intent.exists());
        let intended = begun.elapsed();
        assert!(night.wait().unwrap().success());
        let wall = begun.elapsed();
        let (new, new_answer, new_lines) =
            (shelf(&unharmed), answer(&unharmed, None).1, query(&unharmed, lines));
        assert_ne!(old, new);
        assert_ne!(old_answer, new_answer);
        let publishing = wall - intended;
        Nights {
            shop,
            before,
            base,
            old,
            new,
            old_answer,
            new_answer,
            old_lines,
            new_lines,
            wall,
            publishing,
        }
    }

    pub fn start(&self, warehouse: &Path, first_night: bool) -> Child {
        let command = if first_night {
            self.before.night(warehouse, &["--as-of", "2025-11-01"]).spawn()
        } else {
            self.shop.night(warehouse, &[]).spawn()
        };
        command.unwrap()
    }

    pub fn finish(&self, warehouse: &Path, first_night: bool) -> String {
        let ran = if first_night {
            self.before.run(warehouse, &["--as-of", "2025-11-01"])
        } else {
            self.shop.run(warehouse, &[])
        };
        ran.published().stderr
    }

    /// The whole of the old night or the whole of the new one, on the shelf and in the tables.
    pub fn old_or_new(&self, warehouse: &Path) {
        let shelf = shelf(warehouse);
        assert!(shelf == self.old || shelf == self.new, "the shelf holds neither night: {shelf:?}");
        let (release, last) = answer(warehouse, None);
        let expected = if release == 1 { &self.old_answer } else { &self.new_answer };
        assert_eq!(&last, expected, "release {release}");
        assert_eq!(answer(warehouse, Some(1)).1, self.old_answer, "the old release is readable no more");
    }
}

/// What a release answers to a question over several of its tables; the release's number.
pub fn answer(warehouse: &Path, release: Option<u64>) -> (u64, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let warehouse = Warehouse::open(warehouse.to_str().unwrap()).await.unwrap();
        let release = match release {
            Some(number) => warehouse.release(number).await.unwrap(),
            None => warehouse.last_release().await.unwrap().unwrap(),
        };
        let engine = Engine::new(sillage::run::Request::all().limits, &warehouse).unwrap();
        let catalog = Catalog::new(warehouse, engine, Some(&release), BTreeMap::new());
        let tables = ["core.orders", "mart.customer_360", "mart.churn_scores"].map(|t| t.parse().unwrap());
        let session = catalog.session(&tables, None).await.unwrap();
        let sql = "select (select count(*) from core.orders) as orders, count(*) as customers,
                     sum(c.net_amount_total) as net_amount, max(s.churn_probability) as churn
                   from mart.customer_360 c
                   left join mart.churn_scores s on s.customer_id = c.customer_id";
        let rows = session.sql(sql).await.unwrap().collect().await.unwrap();
        (release.release, arrow::util::pretty::pretty_format_batches(&rows).unwrap().to_string())
    })
}

/// What the journal holds of a release, its attempts' entries included.
pub fn journal_entries(warehouse: &Path, release: u64) -> Vec<PathBuf> {
    let mut folders = vec![warehouse.join(format!("_sillage/journal/{release:020}"))];
    let mut entries = Vec::new();
    while let Some(folder) = folders.pop() {
        // Whoever writes there may delete it under our eyes.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { entries.push(path) }
        }
    }
    entries
}

/// Waits until it is so, or the run is over.
pub fn wait_for(night: &mut Child, so: impl Fn() -> bool) {
    while !so() && night.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The rows of every table of the last release, as a digest by table: in no order, without the run
/// that wrote them and without what the clock says or which steps were reused. Of the runs only the
/// published ones' count.
pub fn tables(warehouse: &Path) -> BTreeMap<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let warehouse = Warehouse::open(warehouse.to_str().unwrap()).await.unwrap();
        let release = warehouse.last_release().await.unwrap().unwrap();
        let engine = Engine::new(sillage::run::Request::all().limits, &warehouse).unwrap();
        let names: Vec<TableName> = release.tables.keys().cloned().collect();
        let catalog = Catalog::new(warehouse, engine, Some(&release), BTreeMap::new());
        let session = catalog.session(&names, None).await.unwrap();
        let mut digests = BTreeMap::new();
        for name in names {
            let sql = match name.to_string().as_str() {
                "ops.runs" => "select count(*) from ops.runs where status = 'published'".to_owned(),
                "ops.steps" => "select run, step, kind, rows, rows_refused from ops.steps".to_owned(),
                "ops.checks" => "select run, table_name, check_name, failures from ops.checks".to_owned(),
                "ops.sources" => {
                    "select source, file, size, digest, rows, refused from ops.sources".to_owned()
                }
                "ops.suppressions" => "select kind, hash from ops.suppressions".to_owned(),
                "ops.models" => "select * except (run) from ops.models".to_owned(),
                "ops.holdout_scores" => "select * except (run) from ops.holdout_scores".to_owned(),
                _ => format!("select * from {name}"),
            };
            let mut frame = session.sql(&sql).await.unwrap();
            if frame.schema().has_column_with_unqualified_name("_run") {
                frame = frame.drop_columns(&["_run"]).unwrap();
            }
            let batches = frame.collect().await.unwrap();
            let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
            let mut rows: Vec<&str> = text.lines().collect();
            rows.sort_unstable();
            let digest = Sha256::digest(rows.join("\n"));
            let digest = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
            digests.insert(name.to_string(), digest);
        }
        digests
    })
}
