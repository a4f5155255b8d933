//! Many processes over one warehouse: writers take turns, and readers never see two releases at once.
//!
//! `SILLAGE_PUBLISHERS=32` starts that many writers at once (eight without it), `SILLAGE_READS` sets
//! how often three marts are read while releases come and go (3,000 without it).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sillage::warehouse::Warehouse;
use sillage::warehouse::catalog::Catalog;
use sillage::warehouse::engine::Engine;

use crate::shop::{query, sillage};

fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

/// A pipeline whose three marts say which night they are of, and a table that grows.
struct Clock {
    folder: tempfile::TempDir,
}

const MARTS: [&str; 3] = ["first", "second", "third"];

impl Clock {
    fn new() -> Clock {
        let clock = Clock { folder: tempfile::tempdir().unwrap() };
        let pipeline = "name = \"clock\"\nmodels = \"sql\"\nwarehouse = \"warehouse\"\n";
        for mart in MARTS {
            let sql = "-- One row: the night.\nselect 1 as n, $as_of as night";
            clock.put(&format!("sql/mart/{mart}.sql"), sql);
            clock.put(&format!("sql/mart/{mart}.toml"), "key = [\"n\"]\n");
        }
        clock.put("clock.toml", pipeline);
        clock
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn warehouse(&self) -> PathBuf {
        self.folder.path().join("warehouse")
    }

    fn publish(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_sillage"))
            .arg("run")
            .arg(self.folder.path().join("clock.toml"))
            .arg("--warehouse")
            .arg(self.warehouse())
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

#[test]
fn writers_that_come_at_once_publish_one_after_another() {
    let writers = asked("SILLAGE_PUBLISHERS", 8);
    let clock = Clock::new();
    let started: Vec<Child> = (0..writers).map(|_| clock.publish(&["--wait=10m"])).collect();
    for child in started {
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    let runs = query(&clock.warehouse(), "select run, status from ops.runs order by run");
    let expected: String = (1..=writers).map(|run| format!("{run},published\n")).collect();
    assert_eq!(runs, format!("run,status\n{expected}"));
    // Each was planned after the one before it was published.
    let overlaps = "select count(*) as n from ops.runs a join ops.runs b on b.run = a.run + 1 \
                    where b.began_at < a.ended_at or b.as_of <= a.as_of";
    assert_eq!(query(&clock.warehouse(), overlaps), "n\n0\n");
    let releases =
        sillage(["releases", "--format", "csv", "--warehouse", clock.warehouse().to_str().unwrap()])
            .published();
    assert_eq!(releases.stdout.lines().count() as u64, writers + 1, "{}", releases.stdout);
}

#[test]
fn a_reader_sees_one_release_however_many_are_published_meanwhile() {
    let reads = asked("SILLAGE_READS", 3_000);
    let clock = Clock::new();
    assert!(clock.publish(&["--as-of", "2026-01-01"]).wait().unwrap().success());
    // Through the shelf as a BI tool reads, and as `query` reads.
    let (shelved, own, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let (published, again) = (AtomicU64::new(1), AtomicU64::new(0));
    let done = || shelved.load(Ordering::SeqCst) + own.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                assert!(clock.publish(&[]).wait().unwrap().success());
                published.fetch_add(1, Ordering::SeqCst);
            }
        });
        scope.spawn(|| {
            let sql = "select a.night, b.night, c.night from mart.first a, mart.second b, mart.third c";
            while done() < reads {
                let nights = own_read(&clock.warehouse(), sql);
                assert!(nights.windows(2).all(|pair| pair[0] == pair[1]), "{nights:?}");
                own.fetch_add(1, Ordering::SeqCst);
            }
        });
        while done() < reads {
            // A BI tool that opens the shelf resolves its link once.
            let shelf = fs::canonicalize(clock.warehouse().join("bi")).unwrap();
            match MARTS.iter().map(|mart| night_of(&shelf.join(format!("mart/{mart}.parquet")))).collect() {
                Some::<Vec<i64>>(nights) => {
                    assert!(nights.windows(2).all(|pair| pair[0] == pair[1]), "{nights:?}");
                    shelved.fetch_add(1, Ordering::SeqCst);
                }
                // Two releases came since it opened the shelf: that one is swept.
                None => drop(again.fetch_add(1, Ordering::SeqCst)),
            }
        }
        over.store(true, Ordering::SeqCst);
    });
    println!(
        "{} reads, {} of the shelf and {} by our own reader, over {} releases, {} begun again, 0 mixed",
        done(),
        shelved.load(Ordering::SeqCst),
        own.load(Ordering::SeqCst),
        published.into_inner(),
        again.into_inner()
    );
}

/// The night of a shelf's file; `None` when it is gone.
fn night_of(file: &Path) -> Option<i64> {
    let rows = ParquetRecordBatchReaderBuilder::try_new(File::open(file).ok()?).unwrap().build().unwrap();
    let batch = rows.into_iter().next().unwrap().unwrap();
    Some(batch.column_by_name("night").unwrap().as_primitive::<TimestampMicrosecondType>().value(0))
}

/// As `query` reads: the last release, whole.
fn own_read(warehouse: &Path, sql: &str) -> Vec<i64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let warehouse = Warehouse::open(warehouse.to_str().unwrap()).await.unwrap();
        let release = warehouse.last_release().await.unwrap().unwrap();
        let engine = Engine::new(sillage::run::Request::all().limits, &warehouse).unwrap();
        let catalog = Catalog::new(warehouse, engine, Some(&release), BTreeMap::new());
        let tables = MARTS.map(|mart| format!("mart.{mart}").parse().unwrap());
        let session = catalog.session(&tables, None).await.unwrap();
        let rows = session.sql(sql).await.unwrap().collect().await.unwrap();
        let night = |n: usize| rows[0].column(n).as_primitive::<TimestampMicrosecondType>().value(0);
        (0..MARTS.len()).map(night).collect()
    })
}
