//! A warehouse that is read-only, full, damaged, locked by another run, or has an unfinished run.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::broken_shop::{Shop, files_below};

const RELEASE: &str = "warehouse/_sillage/releases/00000000000000000001.json";

#[test]
fn a_corrupt_or_unknown_format() {
    let shop = Shop::published();
    shop.write("warehouse/_sillage/format.json", "{\"format\": ");
    shop.run_fails("format_corrupt", 1);
    shop.fails("format_corrupt_ls", 1, &["ls"]);
    shop.write("warehouse/_sillage/format.json", "{\"format\": 7, \"made_by\": \"sillage 9.1.0\"}");
    shop.run_fails("format_unknown", 2);
    shop.fails("format_unknown_query", 2, &["query", "select 1 as x"]);
}

#[test]
fn a_folder_that_is_something_else() {
    let shop = Shop::new();
    shop.write("warehouse/holiday.jpg", "not a warehouse");
    shop.run_fails("warehouse_is_something_else", 2);
    assert!(!shop.path("warehouse/_sillage").exists());
}

#[test]
fn a_file_in_the_warehouses_place() {
    let shop = Shop::new();
    shop.write("warehouse", "a file");
    shop.run_fails("warehouse_is_a_file", 1);
}

#[test]
fn a_release_file_that_was_damaged_or_deleted() {
    let shop = Shop::published();
    shop.write(RELEASE, "{\"release\": 1,");
    let output = shop.run(&[]);
    output.is_clean();
    output.shown("release_damaged", super::SNAPSHOTS);
    assert_eq!(output.code, Some(1));
    shop.remove(RELEASE);
    shop.run_fails("release_deleted", 1);
}

#[test]
fn the_last_of_several_releases_that_was_deleted() {
    let shop = Shop::published();
    assert_eq!(shop.run(&[]).code, Some(0));
    let last = RELEASE.replace("1.json", "2.json");
    let whole = fs::read(shop.path(&last)).unwrap();
    shop.remove(&last);
    shop.run_fails("last_release_deleted", 1);
    fs::write(shop.path(&last), whole).unwrap();
    shop.works_again();
}

#[test]
fn a_ledger_that_was_deleted() {
    let shop = Shop::published();
    shop.remove("warehouse/ops/sources");
    // Reading everything again would double every row.
    shop.run_fails("ledger_deleted", 1);
}

#[test]
fn a_journal_that_was_deleted_loses_nothing() {
    let shop = slow_shop();
    let mut run = until(&shop, "core.consents");
    run.kill().unwrap();
    run.wait().unwrap();
    shop.remove("warehouse/_sillage/journal");
    // What was staged is found by nobody; the run begins again.
    shop.works_again();
}

#[test]
fn a_table_whose_log_was_deleted() {
    let shop = Shop::published();
    shop.remove("warehouse/core/orders/_delta_log");
    shop.fails("log_deleted_query", 1, &["query", "select count(*) from core.orders"]);
    shop.fails("log_deleted_show", 1, &["show", "core.orders"]);
    shop.run_fails("log_deleted_run", 1);
}

#[test]
fn a_table_whose_file_was_deleted_or_damaged() {
    let shop = Shop::published();
    let file = parquet_of(&shop, "raw/orders");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    shop.fails("table_file_damaged_query", 1, &["query", "select count(channel) from raw.orders"]);
    shop.run_fails("table_file_damaged_run", 1);
    fs::remove_file(&file).unwrap();
    shop.fails("table_file_deleted_query", 1, &["query", "select count(channel) from raw.orders"]);
    shop.run_fails("table_file_deleted_run", 1);
    // Restored, the next night works.
    fs::write(&file, whole).unwrap();
    shop.works_again();
}

#[test]
fn a_journal_that_was_damaged() {
    let shop = slow_shop();
    let mut run = until(&shop, "core.consents");
    run.kill().unwrap();
    run.wait().unwrap();
    let journal = files_below(&shop.path("warehouse/_sillage/journal"));
    let step = journal.iter().find(|f| f.display().to_string().contains("step-")).unwrap();
    let whole = fs::read(step).unwrap();
    // Cut where every journal entry is the same, whatever the step took.
    fs::write(step, &whole[..14]).unwrap();
    shop.run_fails("journal_damaged", 1);
    fs::write(step, whole).unwrap();
    shop.works_again();
}

#[test]
fn a_journal_of_another_version() {
    let shop = slow_shop();
    let mut run = until(&shop, "core.consents");
    run.kill().unwrap();
    run.wait().unwrap();
    let journal = shop.path("warehouse/_sillage/journal");
    for begun in files_below(&journal).iter().filter(|f| f.ends_with("begun.json")) {
        let text = fs::read_to_string(begun).unwrap();
        assert!(text.contains("\"mode\""), "{text}");
        fs::write(begun, text.replace("\"mode\"", "\"what\"")).unwrap();
    }
    shop.run_fails("journal_of_another_version", 1);
    // As the hint says.
    fs::remove_dir_all(journal).unwrap();
    shop.works_again();
}

#[test]
fn a_warehouse_that_another_run_holds() {
    let shop = slow_shop();
    let mut run = until(&shop, "raw.visits");
    shop.run_fails("locked", 3);
    // Readers do not wait.
    assert_eq!(shop.ask("select count(*) from core.visits"), "10");
    run.kill().unwrap();
    run.wait().unwrap();
    shop.works_again();
}

#[test]
fn an_interrupted_run_goes_on() {
    let shop = slow_shop();
    let before = shop.visible();
    let run = until(&shop, "core.consents");
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
    let output = run.wait_with_output().unwrap();
    let mut output = shop.captured(&["run"], &output);
    output.is_clean();
    // Which step it was in is a matter of chance.
    let message = output.err.find("error:").expect("an error is told");
    output.err.drain(..message);
    output.shown("interrupted", super::SNAPSHOTS);
    assert_eq!(output.code, Some(130));
    assert_eq!(shop.visible(), before);
    let output = shop.run(&[]);
    assert!(output.err.contains("run 2 was cut off; going on after its"), "{}", output.err);
    assert!(output.err.contains("(done before)"), "{}", output.err);
    assert_eq!(output.code, Some(0));
}

#[test]
fn too_little_memory_is_refused_clearly() {
    let shop = Shop::published();
    shop.fails("memory_too_small", 1, &["run", "--threads", "1", "--memory-limit", "1KB"]);
    shop.works_again();
}

#[test]
fn a_folder_that_may_not_be_written() {
    for (name, first) in [("read_only", false), ("read_only_first", true)] {
        let shop = if first { Shop::new() } else { Shop::published() };
        fs::create_dir_all(shop.path("warehouse")).unwrap();
        let root = fs::metadata(shop.path("pipelines")).unwrap().uid() == 0;
        let shut = |mode: u32| {
            for file in everything_below(&shop.path("warehouse")) {
                let plus = if file.is_dir() { 0o111 } else { 0 };
                fs::set_permissions(&file, fs::Permissions::from_mode(mode + plus)).unwrap();
            }
        };
        shut(0o444);
        fs::set_permissions(shop.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        let before = shop.visible();
        let binary = env!("CARGO_BIN_EXE_sillage");
        // Root may write anywhere: then the run is somebody else's.
        let mut command = Command::new(if root { "setpriv" } else { binary });
        if root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", binary]);
        }
        shop.prepare(&mut command);
        let output = command.args(["run", "--threads", "1"]).output().unwrap();
        let output = shop.captured(&["run"], &output);
        shut(0o644);
        output.is_clean();
        output.shown(name, super::SNAPSHOTS);
        assert_eq!(output.code, Some(1), "{}", output.err);
        assert_eq!(shop.visible(), before);
        shop.works_again();
    }
}

#[test]
fn a_disk_that_is_full() {
    // With next to nothing left the run does not begin; with a little more it fails on its way.
    for (left, message) in [(8_192, "kB at least"), (163_840, "No space left on device")] {
        let shop = Shop::published();
        fs::create_dir_all(shop.path("small")).unwrap();
        let before = shop.visible();
        // A namespace of its own with a disk of a few kilobytes left; where that is forbidden (some
        // containers), there is nothing to see.
        let script = format!(
            "mount -t tmpfs -o size=2m none small && cp -a warehouse/. small/ && \
             (dd if=/dev/zero of=small/ballast bs=4096 2>/dev/null; truncate -s -{left} small/ballast); \
             \"$0\" run --threads 1 --warehouse small; code=$?; rm small/ballast; \
             \"$0\" query 'select count(*) from core.orders' --warehouse small --format csv >&2; \
             \"$0\" run --threads 1 --warehouse small >again.txt 2>&1; echo $? >>again.txt; exit $code"
        );
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &script, env!("CARGO_BIN_EXE_sillage")]);
        shop.prepare(&mut command);
        let Ok(output) = command.output() else { return };
        if !output.status.success() && output.status.code() != Some(1) {
            return;
        }
        let output = shop.captured(&["run", "--warehouse", "small"], &output);
        output.is_clean();
        // Which file was the one too many is a matter of a few bytes.
        assert!(output.err.contains(message), "{}", output.err);
        assert!(output.err.contains("hint: free some space"), "{}", output.err);
        assert!(output.err.ends_with("count(*)\n225\n"), "readers are shut out: {}", output.err);
        assert_eq!(output.code, Some(1));
        assert_eq!(shop.visible(), before);
        let again = fs::read_to_string(shop.path("again.txt")).unwrap();
        assert!(again.contains("release 2 published") || again.contains("release 3 published"), "{again}");
    }
}

/// The shop with a model that takes long enough to be caught in it.
fn slow_shop() -> Shop {
    let shop = Shop::published();
    shop.model("core.slow", "-- Takes its time.\nselect count(*) as n, max(o.order_id) as last from raw.orders o cross join generate_series(1, 2000000) as s(n)");
    shop.model(
        "core.visits",
        "select v.customer_id, v.visited_at, v.page from raw.visits v cross join core.slow where n > 0",
    );
    shop
}

/// Starts a run and returns once it has told of the step.
fn until(shop: &Shop, step: &str) -> Child {
    let mut command = shop.command();
    let mut run = command
        .args(["run", "--threads", "1"])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if line.contains(step) {
            break;
        }
        line.clear();
    }
    if line.contains(step) {
        run.stderr = Some(lines.into_inner());
        return run;
    }
    let ended = run.wait().unwrap();
    panic!("the run never came to {step} and ended with {ended}");
}

fn parquet_of(shop: &Shop, table: &str) -> PathBuf {
    let files = files_below(&shop.path(&format!("warehouse/{table}")));
    files.into_iter().find(|f| f.extension().is_some_and(|e| e == "parquet")).unwrap()
}

fn everything_below(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() { all.extend(everything_below(&path)) } else { all.push(path) }
    }
    all
}
