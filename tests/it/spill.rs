//! Spilled rows: no other user can read them, and none are left once a command has failed or the next one has
//! started.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::forget::files_below;
use crate::object_store::S3;
use crate::shop::{CommandResult, Shop};

/// Sorts more than it may hold.
const SORTS: &str = "select a.ticket, a.card, b.order_id, b.email from raw.tickets a, raw.web_orders b
    order by b.email, a.ticket desc, b.order_id";
/// Computes what fails once it is sorted.
const FAILS: &str = "select cast(email as int) as n from (
    select b.email, row_number() over (order by b.email, a.ticket desc, b.order_id) as place
    from raw.tickets a, raw.web_orders b) where place > 2000000";
const LITTLE: [&str; 4] = ["--memory-limit", "64MB", "--threads", "2"];

struct Spilling {
    shop: Shop,
    temporary: PathBuf,
}

impl Spilling {
    fn new() -> Self {
        let shop = Shop::with_all_deliveries();
        let temporary = shop.path().join("tmp");
        fs::create_dir(&temporary).unwrap();
        Spilling { shop, temporary }
    }

    fn verb(&self, words: &[&str], warehouse: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.args(words).arg("--warehouse").arg(warehouse).current_dir(self.shop.path());
        command.env("TMPDIR", &self.temporary).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn sorting(&self, sql: &str, warehouse: &Path) -> Command {
        self.verb(&[&["query", sql, "-o", "big.csv"][..], &LITTLE].concat(), warehouse)
    }

    /// What lies in the place where rows go.
    fn spilled(&self, warehouse: &Path) -> Vec<PathBuf> {
        let places = [warehouse.join("_sillage/spill"), self.temporary.clone()];
        places.iter().filter(|place| place.is_dir()).flat_map(|place| files_below(place)).collect()
    }
}

fn when(what: impl Fn() -> bool, child: &mut Child) {
    while !what() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_killed_query_leaves_nothing_to_the_next_command() {
    let spilling = Spilling::new();
    let warehouse = spilling.shop.warehouse("warehouse");
    spilling.shop.run(&warehouse, &[]).published();
    for _ in 0..3 {
        let mut query = spilling.sorting(SORTS, &warehouse).spawn().unwrap();
        let large = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() > 100_000);
        when(|| spilling.spilled(&warehouse).iter().filter(|path| large(path)).count() > 2, &mut query);
        // Others cannot pass the folder above.
        assert_eq!(mode(&warehouse.join("_sillage/spill")), 0o700);
        // A command beside it leaves a living process's rows alone.
        CommandResult::of(spilling.verb(&["releases"], &warehouse).output().unwrap()).published();
        assert!(spilling.spilled(&warehouse).len() > 2);
        query.kill().unwrap();
        query.wait().unwrap();
        let left = spilling.spilled(&warehouse);
        assert!(left.iter().any(large), "{left:?}");
        CommandResult::of(spilling.verb(&["releases"], &warehouse).output().unwrap()).published();
        assert_eq!(spilling.spilled(&warehouse), Vec::<PathBuf>::new());
    }
    assert_eq!(spilling.spilled(&warehouse), Vec::<PathBuf>::new());
}

#[test]
fn a_query_that_fails_leaves_nothing() {
    let spilling = Spilling::new();
    let warehouse = spilling.shop.warehouse("warehouse");
    spilling.shop.run(&warehouse, &[]).published();
    let mut query = spilling.sorting(FAILS, &warehouse).spawn().unwrap();
    when(|| spilling.spilled(&warehouse).len() > 2, &mut query);
    CommandResult::of(query.wait_with_output().unwrap()).refused(1, &[]);
    assert_eq!(spilling.spilled(&warehouse), Vec::<PathBuf>::new());
    assert!(!warehouse.join("_sillage/spill").exists());
}

#[test]
fn a_killed_night_leaves_nothing_to_the_next_command() {
    let spilling = Spilling::new();
    let warehouse = spilling.shop.warehouse("warehouse");
    let keys = spilling.shop.path().join("sql/mart/sorted.sql");
    fs::write(keys, SORTS).unwrap();
    spilling.shop.properties("mart.sorted", "key = [\"ticket\", \"order_id\"]\n");
    let mut night = spilling.shop.night(&warehouse, &LITTLE);
    let mut night = night.env("TMPDIR", &spilling.temporary).spawn().unwrap();
    when(|| spilling.spilled(&warehouse).len() > 3, &mut night);
    night.kill().unwrap();
    night.wait().unwrap();
    assert!(spilling.spilled(&warehouse).len() > 3);
    // Its journal is there, and no release yet.
    let message = spilling.verb(&["releases"], &warehouse).output().unwrap();
    assert_eq!(spilling.spilled(&warehouse), Vec::<PathBuf>::new(), "{message:?}");
}

#[test]
fn of_a_warehouse_in_a_bucket_rows_go_to_a_folder_of_the_user() {
    let Some(s3) = S3::start() else {
        eprintln!("moto_server is not installed: nothing was tried");
        return;
    };
    s3.request("PUT", "/bucket", b"");
    let spilling = Spilling::new();
    let warehouse = Path::new("s3://bucket/wh");
    let ran = |mut command: Command| {
        s3.known_to(&mut command);
        command
    };
    let mut night = ran(spilling.shop.night(warehouse, &[]));
    CommandResult::of(night.env("TMPDIR", &spilling.temporary).output().unwrap()).published();
    assert_eq!(spilling.spilled(warehouse), Vec::<PathBuf>::new());
    let mut query = ran(spilling.sorting(SORTS, warehouse)).spawn().unwrap();
    when(|| spilling.spilled(warehouse).len() > 2, &mut query);
    for folder in fs::read_dir(&spilling.temporary).unwrap() {
        assert_eq!(mode(&folder.unwrap().path()), 0o700);
    }
    query.kill().unwrap();
    query.wait().unwrap();
    assert!(spilling.spilled(warehouse).len() > 2);
    CommandResult::of(ran(spilling.verb(&["releases"], warehouse)).output().unwrap()).published();
    assert_eq!(spilling.spilled(warehouse), Vec::<PathBuf>::new());
}
