//! The artifacts of a run: `manifest.json` and `run_results.json`.

use std::fs;

use serde_json::Value;

use crate::broken_shop::{PRIVATE, Shop};

fn artifact(shop: &Shop, run: u64, name: &str) -> Value {
    let path = shop.path(&format!("warehouse/_sillage/artifacts/{run}/{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    for private in PRIVATE.iter().copied().chain([shop.path("").to_str().unwrap()]) {
        assert!(!text.contains(private), "{name} tells {private}: {text}");
    }
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&value["artifact"], &value["version"], &value["run"]),
        (&name.into(), &1.into(), &run.into())
    );
    value
}

fn named<'v>(list: &'v Value, key: &str, name: &str) -> &'v Value {
    list.as_array().unwrap().iter().find(|entry| entry[key] == name).unwrap()
}

#[test]
fn a_published_night_says_what_it_was_and_how_it_went() {
    let shop = Shop::published();
    let manifest = artifact(&shop, 1, "manifest");
    assert_eq!(manifest["pipeline"]["name"], "shop");
    assert_eq!(manifest["as_of"], "2026-02-28T23:00:00Z");
    let step = named(&manifest["steps"], "step", "mart.customer_360");
    assert_eq!(step["reads"], serde_json::json!(["core.orders"]));
    assert_eq!(step["needs"], serde_json::json!(["core.orders"]));
    assert_eq!(step["sql_sha256"].as_str().unwrap().len(), 64);
    let table = named(&manifest["tables"], "table", "core.orders");
    assert_eq!((&table["known_by"], &table["made_by"]), (&"ordered_at".into(), &"core.orders".into()));
    assert_eq!(named(&table["checks"], "check", "row_count min 1")["severity"], "error");

    let results = artifact(&shop, 1, "run_results");
    assert_eq!((&results["outcome"], &results["resumed"]), (&"published".into(), &false.into()));
    assert_eq!(results["fingerprint"], manifest["fingerprint"]);
    // The figures are those of the history.
    for (key, column) in
        [("rows", "rows"), ("refused", "rows_refused"), ("files", "files_read"), ("bytes", "bytes_written")]
    {
        let sum: u64 = results["steps"].as_array().unwrap().iter().map(|s| s[key].as_u64().unwrap()).sum();
        assert_eq!(sum.to_string(), shop.ask(&format!("select sum({column}) from ops.steps")), "{key}");
    }
    let checks = results["checks"].as_array().unwrap();
    assert_eq!(checks.len().to_string(), shop.ask("select count(*) from ops.checks"));
    assert!(checks.iter().all(|check| check["passed"] == true));
}

#[test]
fn a_failed_night_says_so_and_why() {
    let shop = Shop::published();
    shop.edit_properties("core.orders", "row_count = { min = 1 }", "row_count = { max = 1 }");
    let output = shop.run(&[]);
    assert_eq!(output.code, Some(1), "{}", output.err);
    let results = artifact(&shop, 2, "run_results");
    assert_eq!(results["outcome"], "failed");
    let check = named(&results["checks"], "check", "row_count max 1");
    assert_eq!((&check["passed"], &check["failures"]), (&false.into(), &1.into()));
    artifact(&shop, 2, "manifest");

    shop.edit("sql/shop/core/visits.sql", "visited_at", "cast(page as timestamp) as visited_at");
    let output = shop.run(&[]);
    assert_eq!(output.code, Some(1), "{}", output.err);
    let results = artifact(&shop, 3, "run_results");
    let step = named(&results["steps"], "step", "core.visits");
    assert_eq!(step["status"], "failed");
    assert!(!step["note"].as_str().unwrap().is_empty());
}

#[test]
fn steps_left_out_are_in_the_manifest_as_such() {
    let shop = Shop::published();
    let output = shop.run(&["--select", "core.orders+"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let manifest = artifact(&shop, 2, "manifest");
    assert_eq!(named(&manifest["steps"], "step", "raw.visits")["selected"], false);
    assert_eq!(named(&manifest["steps"], "step", "core.orders")["selected"], true);
    let results = artifact(&shop, 2, "run_results");
    assert!(results["steps"].as_array().unwrap().iter().all(|s| s["step"] != "raw.visits"));
}

#[test]
fn a_night_is_published_though_its_artifacts_cannot_be_written() {
    let shop = Shop::published();
    shop.remove("warehouse/_sillage/artifacts");
    shop.write("warehouse/_sillage/artifacts", "a file where the folder should be");
    let output = shop.run(&[]);
    output.is_clean();
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert!(output.err.contains("manifest.json of this run is not written"), "{}", output.err);
    assert!(output.err.contains("release 2 published"), "{}", output.err);
}

#[test]
fn the_results_of_a_run_that_could_not_leave_them_are_rebuilt_by_the_next() {
    let shop = Shop::published();
    shop.write(
        "exports/orders/march.csv",
        "order_id,customer_id,ordered_at,net_amount,channel\no900,c01,2026-02-27 10:00,3.00,web\n",
    );
    let output = shop.run(&[]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let mut whole = artifact(&shop, 2, "run_results");
    // The process ended between its release and its artifacts.
    shop.remove("warehouse/_sillage/artifacts/2");
    let output = shop.run(&[]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let mut rebuilt = artifact(&shop, 2, "run_results");
    // All but what the history does not tell.
    assert_eq!((&rebuilt["rebuilt"], &rebuilt["fingerprint"]), (&true.into(), &Value::Null));
    for results in [&mut whole, &mut rebuilt] {
        results.as_object_mut().unwrap().remove("rebuilt");
        results["fingerprint"].take();
        for step in results["steps"].as_array_mut().unwrap() {
            step["warnings"].take();
        }
        let by_name = |check: &Value| format!("{}{}", check["table"], check["check"]);
        results["checks"].as_array_mut().unwrap().sort_by_key(by_name);
        results["steps"].as_array_mut().unwrap().sort_by_key(|step| step["step"].to_string());
    }
    assert_eq!(rebuilt, whole);
    assert!(!shop.path("warehouse/_sillage/artifacts/2/manifest.json").exists());
    artifact(&shop, 3, "manifest");
    // Nobody asks for those of earlier runs; a failed run's are rebuilt too.
    shop.remove("warehouse/_sillage/artifacts/2");
    shop.edit_properties("core.orders", "row_count = { min = 1 }", "row_count = { max = 1 }");
    assert_eq!(shop.run(&[]).code, Some(1));
    shop.remove("warehouse/_sillage/artifacts/4");
    shop.edit_properties("core.orders", "row_count = { max = 1 }", "row_count = { min = 1 }");
    assert_eq!(shop.run(&[]).code, Some(0));
    let results = artifact(&shop, 4, "run_results");
    assert_eq!(results["outcome"], "failed");
    let check = named(&results["checks"], "check", "row_count max 1");
    assert_eq!((&check["passed"], &check["failures"]), (&false.into(), &1.into()));
    assert!(!shop.path("warehouse/_sillage/artifacts/2").exists());
}
