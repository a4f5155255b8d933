//! The small shop: a folder with exports, pipeline and warehouses, and the binary run over them.
//!
//! Size of the exports: two hundred persons, one year, six deliveries of two months, each one file per
//! source. Everything follows from one seed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use chrono::{Duration, NaiveDate, NaiveDateTime};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use sha2::{Digest, Sha256};

/// Deliveries in the year.
pub const NIGHTS: usize = 6;
/// The instant of the night after each delivery.
pub const AS_OF: [&str; NIGHTS] =
    ["2025-03-01", "2025-05-01", "2025-07-01", "2025-09-01", "2025-11-01", "2026-01-01"];

const PERSONS: usize = 200;
const HEADERS: [(&str, &str, &str); 4] = [
    ("tickets", "csv", "ticket;sold_at;card;product_id;quantity;net_amount\n"),
    ("web_orders", "jsonl", ""),
    ("cards", "csv", "card,email,first_name,created_on\n"),
    ("consents", "csv", "card,channel,granted,valid_from\n"),
];

/// A line of an export, and when it happened.
struct Record {
    source: &'static str,
    at: NaiveDateTime,
    line: String,
}

/// One shop in a folder of its own, deleted at the end of the test.
pub struct Shop {
    folder: tempfile::TempDir,
}

/// What a run of the binary left after.
pub struct CommandResult {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl CommandResult {
    pub fn of(output: Output) -> CommandResult {
        CommandResult {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn published(self) -> CommandResult {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    #[track_caller]
    pub fn refused(self, code: i32, messages: &[&str]) -> CommandResult {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for message in messages {
            assert!(self.stderr.contains(message), "`{message}` is missing in: {}", self.stderr);
        }
        self
    }
}

/// Runs the binary.
pub fn sillage<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> CommandResult {
    CommandResult::of(Command::new(env!("CARGO_BIN_EXE_sillage")).args(arguments).output().unwrap())
}

impl Shop {
    /// A shop with its pipeline and no exports yet.
    pub fn new() -> Shop {
        let shop = Shop { folder: tempfile::tempdir().unwrap() };
        copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/shop"), shop.path());
        shop
    }

    /// A shop whose whole year was delivered.
    pub fn with_all_deliveries() -> Shop {
        let shop = Shop::new();
        shop.deliver(0..NIGHTS);
        shop
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn pipeline(&self) -> PathBuf {
        self.path().join("shop.toml")
    }

    pub fn exports(&self) -> PathBuf {
        self.path().join("exports")
    }

    pub fn warehouse(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Puts the files of these deliveries there.
    pub fn deliver(&self, nights: std::ops::Range<usize>) {
        let records = records();
        for night in nights {
            for (source, ending, header) in HEADERS {
                let mut text = header.to_owned();
                for record in records.iter().filter(|r| r.source == source && night_of(r.at) == night) {
                    text.push_str(&record.line);
                    text.push('\n');
                }
                self.put(source, &format!("{:02}.{ending}", night + 1), &text);
            }
        }
    }

    /// Puts one file of a source there.
    pub fn put(&self, source: &str, file: &str, text: &str) {
        let folder = self.exports().join(source);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
    }

    /// Changes the pipeline file.
    pub fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.pipeline()).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(self.pipeline(), text.replace(from, to)).unwrap();
    }

    /// Adds sections to the pipeline file.
    pub fn declare(&self, sections: &str) {
        let text = fs::read_to_string(self.pipeline()).unwrap();
        fs::write(self.pipeline(), format!("{text}\n{sections}")).unwrap();
    }

    /// Declares the properties of a table, instead of those that it has.
    pub fn properties(&self, table: &str, toml: &str) {
        let file = self.path().join(format!("sql/{}.toml", table.replace('.', "/")));
        fs::write(file, toml).unwrap();
    }

    /// `sillage run` over the shop, not yet started.
    pub fn night(&self, warehouse: &Path, arguments: &[&str]) -> Command {
        let binary = std::env::var_os("SILLAGE_BINARY").unwrap_or(env!("CARGO_BIN_EXE_sillage").into());
        let mut command = Command::new(binary);
        command.arg("run").arg(self.pipeline()).arg("--warehouse").arg(warehouse).args(arguments);
        command.env("SHOP_EXPORTS", self.exports());
        // With it a panic that a library catches itself would be reported.
        command.env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `sillage run` over the shop, to its end.
    pub fn run(&self, warehouse: &Path, arguments: &[&str]) -> CommandResult {
        CommandResult::of(self.night(warehouse, arguments).output().unwrap())
    }
}

/// The rows of a query over the last release, every row of raw tables among them, as CSV.
#[track_caller]
pub fn query(warehouse: &Path, sql: &str) -> String {
    query_of(warehouse, sql, &[])
}

/// The rows of a query, as CSV.
#[track_caller]
pub fn query_of(warehouse: &Path, sql: &str, arguments: &[&str]) -> String {
    let mut all =
        vec!["query", sql, "--all-versions", "--format", "csv", "--warehouse", warehouse.to_str().unwrap()];
    all.extend(arguments);
    sillage(all).published().stdout
}

/// All rows of a table in one order, but for the columns that tell of the run.
#[track_caller]
pub fn rows(warehouse: &Path, table: &str) -> Vec<String> {
    let text = query(warehouse, &format!("select * from {table}"));
    let mut lines = csv_lines(&text);
    let Some(run) = lines.first().and_then(|header| header.iter().position(|c| c == "_run")) else {
        let mut rows: Vec<String> = lines.into_iter().map(|l| l.join(",")).collect();
        rows[1..].sort();
        return rows;
    };
    for line in &mut lines {
        line.remove(run);
    }
    let mut rows: Vec<String> = lines.into_iter().map(|l| l.join(",")).collect();
    rows[1..].sort();
    rows
}

/// The same with each customer id replaced by the customer's first record: warehouses with other nights
/// after them have the same customers, and may call them otherwise.
#[track_caller]
pub fn rows_without_ids(warehouse: &Path, table: &str) -> Vec<String> {
    let sql =
        "select customer_id, min(source || ':' || record_id) from core.customer_ids group by customer_id";
    let names: BTreeMap<String, String> = csv_lines(&query(warehouse, sql))
        .into_iter()
        .map(|mut cells| (cells.swap_remove(0), cells.swap_remove(0)))
        .collect();
    let named = |line: &str| -> String {
        let cells = line.split(',').map(|cell| names.get(cell).map_or(cell, String::as_str));
        cells.collect::<Vec<_>>().join(",")
    };
    let mut rows: Vec<String> = rows(warehouse, table).iter().map(|line| named(line)).collect();
    rows[1..].sort();
    rows
}

/// Cells may hold commas between quotes, never line ends.
fn csv_lines(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(|line| {
            let mut cells = vec![String::new()];
            let mut quoted = false;
            for c in line.chars() {
                match c {
                    '"' => {
                        quoted = !quoted;
                        cells.last_mut().unwrap().push(c);
                    }
                    ',' if !quoted => cells.push(String::new()),
                    c => cells.last_mut().unwrap().push(c),
                }
            }
            cells
        })
        .collect()
}

/// SHA-256 of every file of the shelf, by table. The link `bi` is followed once, so that all files
/// are of one release.
pub fn shelf(warehouse: &Path) -> BTreeMap<String, String> {
    let shelf = fs::canonicalize(warehouse.join("bi")).unwrap();
    let mut digests = BTreeMap::new();
    for file in fs::read_dir(shelf.join("mart")).unwrap() {
        let path = file.unwrap().path();
        let digest = Sha256::digest(fs::read(&path).unwrap());
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        digests.insert(name, digest.iter().map(|b| format!("{b:02x}")).collect());
    }
    digests
}

/// Copies a folder with all below it; links stay links.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy_folder(&path, &target);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).unwrap(), &target).unwrap();
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn night_of(at: NaiveDateTime) -> usize {
    use chrono::Datelike;
    (at.month0() / 2) as usize
}

/// A year of the shop, in the order of time.
fn records() -> Vec<Record> {
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(20_260_101);
    let start = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
    let mut records = Vec::new();
    for person in 0..PERSONS {
        let card = chance.gen_bool(0.85).then(|| format!("K{person:04}"));
        let account = (card.is_none() || chance.gen_bool(0.5)).then(|| format!("A{person:04}"));
        let email = format!("person{person}@example.org");
        // In the first delivery, so that every night has a file with something in it.
        let joined =
            start + Duration::minutes(chance.gen_range(0..60 * 24 * if person < 150 { 50 } else { 300 }));
        let left = joined + Duration::days(chance.gen_range(30..700));
        if let Some(card) = &card {
            let address = if chance.gen_bool(0.8) { email.as_str() } else { "" };
            let form = |at: NaiveDateTime, card: &str, address: &str| Record {
                source: "cards",
                at,
                line: format!("{card},{address},Name{person},{}", at.date()),
            };
            records.push(form(joined, card, address));
            // Some lose their card and fill in the form again: two cards, one address.
            let again = joined + Duration::days(40);
            if chance.gen_bool(0.15) {
                records.push(form(again, &format!("{card}b"), address));
            }
            for channel in ["email", "post"] {
                let mut at = joined + Duration::hours(1);
                for _ in 0..chance.gen_range(0..3) {
                    let word = if chance.gen_bool(0.7) { "yes" } else { "no" };
                    let line = format!("{card},{channel},{word},{}", at.format("%Y-%m-%d %H:%M"));
                    records.push(Record { source: "consents", at, line });
                    at += Duration::days(chance.gen_range(1..200));
                }
            }
        }
        let rhythm = chance.gen_range(4..60);
        let mut at = joined + Duration::hours(2);
        let mut order = 0;
        while at < left && at < start + Duration::days(365) {
            order += 1;
            let web = account.is_some() && (card.is_none() || chance.gen_bool(0.4));
            for line in 0..chance.gen_range(1..4) {
                let product = format!("P{:03}", chance.gen_range(0..40));
                let (quantity, cents) = (chance.gen_range(1..4), chance.gen_range(100..9_000));
                let (whole, part) = (cents / 100, cents % 100);
                records.push(if let (true, Some(account)) = (web, &account) {
                    let line = format!(
                        "{{\"order_id\":\"W{person:04}-{order:03}\",\"ordered_at\":\"{}Z\",\"customer\":{{\
                         \"account\":\"{account}\",\"email\":\"{email}\"}},\"product_id\":\"{product}\",\
                         \"quantity\":{quantity},\"net_amount\":\"{whole}.{part:02}\",\"line\":{line}}}",
                        at.format("%Y-%m-%dT%H:%M:%S"),
                    );
                    Record { source: "web_orders", at, line }
                } else {
                    let shown = card.as_deref().filter(|_| chance.gen_bool(0.95)).unwrap_or("");
                    let line = format!(
                        "T{person:04}-{order:03}-{line};{};{shown};{product};{quantity};{whole},{part:02}",
                        at.format("%d/%m/%Y %H:%M"),
                    );
                    Record { source: "tickets", at, line }
                });
            }
            at += Duration::minutes(chance.gen_range(1..rhythm * 2 * 24 * 60));
        }
    }
    records.retain(|r| r.at < start + Duration::days(365));
    records.sort_by(|a, b| (a.at, &a.line).cmp(&(b.at, &b.line)));
    records
}
