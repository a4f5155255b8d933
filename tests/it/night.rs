//! A night: a delivery is read once, and a release is published as a whole or not at all.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::shop::{AS_OF, NIGHTS, Shop, query, query_of, rows, rows_without_ids, shelf, sillage};

/// Every table that depends on what came in alone, not on the models of the nights before.
const WITHOUT_MEMORY: [&str; 11] = [
    "raw.tickets",
    "raw.web_orders",
    "raw.cards",
    "raw.consents",
    "raw.complaints",
    "channel.person_keys",
    "core.customer_ids",
    "core.customers",
    "core.orders",
    "core.order_lines",
    "core.consents",
];
const MARTS_WITHOUT_MEMORY: [&str; 4] =
    ["customer_360", "customer_features", "monthly_sales", "open_complaints"];

/// What a file offered twice would add to.
fn counts(warehouse: &Path) -> String {
    query(
        warehouse,
        "select (select count(*) from raw.tickets) as tickets, (select count(*) from raw.cards) as cards,
           (select sum(net_amount) from core.order_lines) as net_amount, (select count(*) from ops.sources where same_as is null) as files",
    )
}

#[test]
fn a_plan_finds_what_is_wrong_before_anything_is_read() {
    let project = crate::project::Project::new(
        r#"
        timezone = "UTC"
        [sources.orders]
        path = "orders.csv"
        format = "csv"
        key = ["order_id"]
        columns = { order_id = "text", amount = "integer" }
        "#,
    );
    project.file("orders.csv", "order_id,amount\n1,2\n");
    project.model(
        "mart.sums",
        "select order_id, avg(cast(amount as double)) as mean from raw.orders group by 1",
    );
    project.properties("mart.sums", "key = [\"order_id\"]\nchecks = [{ expression = \"men > 0\" }]\n");
    project.model("core.names", "select order_id, nmae from raw.orders");
    let plan = || project.verb(&["plan", project.path().join("pipeline.toml").to_str().unwrap()]);
    plan().refused(2, &["avg() adds floats", "no column `nmae`", "sums.sql", "names.sql"]);
    project.model("mart.sums", "select order_id, sum(amount) as mean from raw.orders group by 1");
    project.model("core.names", "select order_id from raw.orders");
    plan().refused(2, &["men"]);
    project.properties("mart.sums", "key = [\"order_id\"]\nchecks = [{ expression = \"mean > 0\" }]\n");
    plan().published();
    assert!(!project.path().join("warehouse").exists(), "nothing was written");
}

#[test]
fn nights_of_one_file_each_equal_one_night_of_all_files() {
    let nightly = Shop::new();
    let by_night = nightly.warehouse("by_night");
    for (night, as_of) in AS_OF.iter().enumerate() {
        nightly.deliver(night..night + 1);
        nightly.run(&by_night, &["--as-of", as_of]).published();
    }
    let at_once = nightly.warehouse("at_once");
    nightly.run(&at_once, &[]).published();
    for table in WITHOUT_MEMORY {
        let (one, other) = (rows_without_ids(&by_night, table), rows_without_ids(&at_once, table));
        assert!(one == other, "{table} differs: {} and {} rows", one.len(), other.len());
    }
    for mart in MARTS_WITHOUT_MEMORY {
        let mart = format!("mart.{mart}");
        let (one, other) = (rows_without_ids(&by_night, &mart), rows_without_ids(&at_once, &mart));
        assert!(one == other, "{mart} differs");
    }
    assert_eq!(query(&by_night, "select count(distinct run) as runs from ops.sources"), "runs\n6\n");
}

#[test]
fn a_file_offered_again_adds_nothing() {
    let shop = Shop::with_all_deliveries();
    shop.edit("[sources.cards]\n", "[sources.cards]\nsame_content = \"skip\"\n");
    let warehouse = shop.warehouse("warehouse");
    shop.run(&warehouse, &[]).published();
    let (before, marts) = (counts(&warehouse), shelf(&warehouse));
    // The same file, written again later.
    let file = shop.exports().join("tickets/01.csv");
    let text = fs::read_to_string(&file).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    shop.put("tickets", "01.csv", &text);
    // The same content under another name.
    fs::copy(shop.exports().join("cards/02.csv"), shop.exports().join("cards/02 (copy).csv")).unwrap();
    shop.run(&warehouse, &[]).published();
    assert_eq!(counts(&warehouse), before);
    assert_eq!(shelf(&warehouse), marts);
}

#[test]
fn a_file_delivered_twice_in_one_night_counts_once() {
    let once = Shop::with_all_deliveries();
    let expected = once.warehouse("warehouse");
    once.run(&expected, &[]).published();
    let twice = Shop::with_all_deliveries();
    twice.edit("[sources.tickets]\n", "[sources.tickets]\nsame_content = \"skip\"\n");
    let warehouse = twice.warehouse("warehouse");
    fs::copy(twice.exports().join("tickets/03.csv"), twice.exports().join("tickets/03 (copy).csv")).unwrap();
    twice.run(&warehouse, &[]).published();
    assert_eq!(counts(&warehouse), counts(&expected));
    assert_eq!(shelf(&warehouse), shelf(&expected));
}

#[test]
fn a_file_that_changed_after_it_was_ingested_is_refused_by_name() {
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    shop.run(&warehouse, &[]).published();
    let (before, marts) = (counts(&warehouse), shelf(&warehouse));
    let file = shop.exports().join("tickets/04.csv");
    let text = fs::read_to_string(&file).unwrap();
    shop.put("tickets", "04.csv", &format!("{text}T9;01/12/2025 10:00;;P001;1;5,00\n"));
    shop.run(&warehouse, &[]).refused(1, &["04.csv", "source tickets", "--full-refresh"]);
    assert_eq!((counts(&warehouse), shelf(&warehouse)), (before, marts));
    // Said so, everything is read again.
    shop.run(&warehouse, &["--full-refresh"]).published();
    assert!(query(&warehouse, "select count(*) as n from raw.tickets where ticket = 'T9'").contains("\n1\n"));
}

#[test]
fn a_broken_check_publishes_nothing_and_is_reported() {
    let shop = Shop::new();
    shop.deliver(0..NIGHTS - 1);
    let warehouse = shop.warehouse("warehouse");
    shop.run(&warehouse, &["--as-of", "2025-11-01"]).published();
    let (before, marts) = (counts(&warehouse), shelf(&warehouse));
    shop.deliver(NIGHTS - 1..NIGHTS);
    let good = fs::read_to_string(shop.exports().join("tickets/06.csv")).unwrap();
    shop.put("tickets", "06.csv", &format!("{good}T9;01/12/2025 10:00;;P001;1;-5,00\n"));

    shop.run(&warehouse, &[]).refused(1, &["net_amount >= 0", "core.orders", "nothing was published"]);
    assert_eq!((counts(&warehouse), shelf(&warehouse)), (before, marts));
    assert_eq!(
        query(&warehouse, "select run, status, checks_broken from ops.runs order by run"),
        "run,status,checks_broken\n1,published,0\n2,failed,1\n"
    );
    assert_eq!(
        query(&warehouse, "select run, table_name, severity, failures from ops.checks where not passed"),
        "run,table_name,severity,failures\n2,core.orders,error,1\n"
    );
    let messages = sillage(["history", "--warehouse", warehouse.to_str().unwrap()]).published().stdout;
    assert!(messages.contains("failed"), "{messages}");

    // The file was never ingested: corrected, it comes in under its own name.
    shop.put("tickets", "06.csv", &good);
    shop.run(&warehouse, &[]).published();
    let whole = shop.warehouse("whole");
    shop.run(&whole, &[]).published();
    for mart in MARTS_WITHOUT_MEMORY {
        let mart = format!("mart.{mart}");
        let (one, other) = (rows_without_ids(&warehouse, &mart), rows_without_ids(&whole, &mart));
        assert!(one == other, "{mart} differs");
    }
}

#[test]
fn a_selection_renews_what_it_names_and_leaves_the_rest() {
    let shop = Shop::new();
    shop.deliver(0..NIGHTS - 1);
    let warehouse = shop.warehouse("warehouse");
    shop.run(&warehouse, &["--as-of", "2025-11-01"]).published();
    let before = shelf(&warehouse);
    shop.deliver(NIGHTS - 1..NIGHTS);
    let changed = |arguments: &[&str]| -> Vec<String> {
        let before = shelf(&warehouse);
        shop.run(&warehouse, arguments).published();
        let after = shelf(&warehouse);
        assert!(before.keys().eq(after.keys()), "a table left the shelf");
        after.into_iter().filter(|(name, digest)| before[name] != *digest).map(|(name, _)| name).collect()
    };
    assert_eq!(changed(&["--select", "+mart.monthly_sales"]), ["monthly_sales"]);
    let without = changed(&["--exclude", "mart.segments+", "--exclude", "kind:propensity"]);
    assert_eq!(without, ["customer_360", "customer_features"]);
    assert!(changed(&[]).contains(&"segments".to_owned()));
    // Nobody complained, and the audiences are declared as they were.
    let same = ["list_definitions", "open_complaints"];
    assert!(before.keys().all(|t| shelf(&warehouse)[t] != before[t] || same.contains(&t.as_str())));
    shop.run(&warehouse, &["--select", "mart.nothing"]).refused(2, &["mart.nothing"]);
}

#[test]
fn the_past_is_published_over_the_present_only_when_asked() {
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    shop.run(&warehouse, &[]).published();
    let marts = shelf(&warehouse);
    let messages = ["2025-11-01", "2026-01-01", "--backfill"];
    shop.run(&warehouse, &["--as-of", "2025-11-01"]).refused(2, &messages);
    assert_eq!(shelf(&warehouse), marts);
    shop.run(&warehouse, &["--as-of", "2025-11-01", "--backfill"]).published();
    assert_ne!(shelf(&warehouse), marts);
    // Earlier releases answer as they did.
    let sql = "select max(recency_days) as n from mart.customer_360";
    assert_ne!(query_of(&warehouse, sql, &["--release", "1"]), query(&warehouse, sql));
}

#[test]
fn an_empty_mart_is_on_the_shelf_with_its_columns() {
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    shop.run(&warehouse, &[]).published();
    let file = fs::File::open(warehouse.join("bi/mart/open_complaints.parquet")).unwrap();
    let parquet = SerializedFileReader::new(file).unwrap();
    let metadata = parquet.metadata().file_metadata();
    let columns: Vec<&str> = metadata.schema().get_fields().iter().map(|f| f.name()).collect();
    assert_eq!((columns, metadata.num_rows()), (vec!["card", "complained_at"], 0));
    assert_eq!(query(&warehouse, "select count(*) as n from mart.open_complaints"), "n\n0\n");
}

#[test]
fn a_warehouse_of_an_unknown_format_is_left_alone() {
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    shop.run(&warehouse, &[]).published();
    let marts = shelf(&warehouse);
    let path = warehouse.join("_sillage/format.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"format\": 2", "\"format\": 99")).unwrap();
    shop.run(&warehouse, &[]).refused(2, &["has format 99", "knows format 2"]);
    let place = warehouse.to_str().unwrap();
    sillage(["query", "select 1 from mart.segments", "--warehouse", place]).refused(2, &["has format 99"]);
    assert_eq!(shelf(&warehouse), marts);
}

#[test]
fn a_second_run_is_reported_who_holds_the_warehouse() {
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    let first = shop.night(&warehouse, &[]).spawn().unwrap();
    let lock = warehouse.join("_sillage/lock");
    let entry = lock.join("00000000000000000001.json");
    while !entry.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, &first.id().to_string()]).status().unwrap().success());
    };
    signal("-STOP");
    let second = shop.run(&warehouse, &[]);
    signal("-CONT");
    second.refused(3, &["is locked by", &format!("process {}", first.id()), "since"]);
    assert!(first.wait_with_output().unwrap().status.success());
    assert_eq!(query(&warehouse, "select count(*) as n from ops.runs"), "n\n1\n");
}

/// The real set, where SILLAGE_DATA says where it is: `cargo test --test it online -- --ignored`.
#[test]
#[ignore = "sixty-eight nights take minutes; needs SILLAGE_DATA"]
fn sixty_eight_nights_of_a_web_shop_equal_one_night_of_all_its_files() {
    let data = std::env::var("SILLAGE_DATA").expect("SILLAGE_DATA says where the real sets are");
    let folder = tempfile::tempdir().unwrap();
    let exports = folder.path().join("exports");
    fs::create_dir_all(exports.join("online_retail")).unwrap();
    let pipeline = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/online_retail.toml");
    let run = |warehouse: &Path, as_of: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_sillage"))
            .args(["run", pipeline.to_str().unwrap(), "--as-of", as_of, "--warehouse"])
            .arg(warehouse)
            .env("SILLAGE_DATA", &exports)
            .output()
            .unwrap();
        assert!(output.status.success(), "{as_of}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let mut files: Vec<_> = fs::read_dir(Path::new(&data).join("online_retail"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "csv"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 68);
    let (by_night, at_once) = (folder.path().join("by_night"), folder.path().join("at_once"));
    let begun = std::time::Instant::now();
    for file in &files {
        fs::copy(file, exports.join("online_retail").join(file.file_name().unwrap())).unwrap();
        let day: chrono::NaiveDate = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        run(&by_night, &day.succ_opt().unwrap().to_string());
    }
    let nights = begun.elapsed();
    // A file offered again adds nothing.
    fs::copy(&files[9], exports.join("online_retail").join(files[9].file_name().unwrap())).unwrap();
    run(&by_night, "2011-03-01");
    let begun = std::time::Instant::now();
    run(&at_once, "2011-03-01");
    println!("68 nights {nights:.1?}, all at once {:.1?}", begun.elapsed());

    let tables = query(
        &at_once,
        "select distinct step from ops.steps where kind in ('ingest', 'model', 'identity') order by step",
    );
    let tables: Vec<&str> = tables.lines().skip(1).collect();
    assert!(tables.contains(&"mart.customer_360") && tables.contains(&"mart.customer_features"));
    for table in tables {
        let (one, other) = (rows(&by_night, table), rows(&at_once, table));
        assert!(one == other, "{table} differs: {} and {} rows", one.len(), other.len());
        println!("{table}: {} rows equal", one.len() - 1);
    }
    let (one, other) = (shelf(&by_night), shelf(&at_once));
    for mart in ["customer_360", "customer_features", "daily_sales", "product_sales", "country_sales"] {
        assert_eq!(one[mart], other[mart], "{mart}");
    }
    assert_eq!(
        query(
            &by_night,
            "select count(*) as n, count(distinct invoice_no) as invoices, count(distinct customer_no) as customers,
               count(*) filter (where customer_no is null) as unknown,
               count(*) filter (where invoice_no like 'C%') as credits,
               sum(quantity * unit_price) as net_amount from raw.invoice_lines"
        ),
        "n,invoices,customers,unknown,credits,net_amount\n105335,4894,1749,36210,1904,1807019.93\n"
    );
}
