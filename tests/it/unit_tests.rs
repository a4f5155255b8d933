//! `sillage test`: unit tests of models, without data or a warehouse.

use std::path::Path;
use std::process::Command;

use crate::broken_shop::{CommandOutput, Shop};

const SNAPSHOTS: &str = "tests/errors/snapshots/unit_tests";

/// Two tests that hold.
const HOLD: &str = r#"
as_of = "2026-03-01"

[[test]]
name = "a customer who bought twice has one row"
given."core.orders" = """
  order_id, customer_id, ordered_at,       net_amount
  o1,       c1,          2026-02-20 10:00, 10.00
  o2,       c1,          2026-02-25 10:00, 2.50
  o3,       ,            2026-02-25 10:00, 99.00
"""
expect = [{ customer_id = "c1", orders = 2, net_amount = 12.50, recency_days = 3 }]

[[test]]
name = "an order of tomorrow is not known tonight"
given."core.orders" = [
  { order_id = "o1", customer_id = "c1", ordered_at = "2026-02-28 23:59" },
  { order_id = "o2", customer_id = "c1", ordered_at = "2026-03-01 00:00" },
  { order_id = "o3", customer_id = "c2", ordered_at = "2026-03-01 00:00" },
]
expect = [{ customer_id = "c1", orders = 1 }]
"#;

impl Shop {
    /// The shop with tests of its `mart.customer_360`, nothing exported and nothing run.
    fn with_tests(tests: &str) -> Shop {
        let shop = Shop::new();
        shop.remove("exports");
        shop.tests("mart.customer_360", tests);
        shop
    }

    fn tests(&self, table: &str, text: &str) {
        self.write(&format!("sql/shop/{}.test.toml", table.replace('.', "/")), text);
    }
}

#[track_caller]
fn ends(output: &CommandOutput, name: &str, code: i32) {
    output.is_clean();
    output.shown(name, SNAPSHOTS);
    assert_eq!(output.code, Some(code), "{}", output.err);
}

#[test]
fn tests_that_hold_need_no_data_and_leave_none() {
    let shop = Shop::with_tests(HOLD);
    ends(&shop.sillage(&["test"]), "hold", 0);
    assert!(!shop.path("warehouse").exists(), "a test made a warehouse");
    ends(&shop.sillage(&["test", "--log-format", "json"]), "hold_json", 0);
}

#[test]
fn a_test_that_fails_shows_where_the_rows_differ() {
    let shop = Shop::with_tests(&HOLD.replace("orders = 2", "orders = 3").replace(
        r#"expect = [{ customer_id = "c1", orders = 1 }]"#,
        r#"expect = [{ customer_id = "c1", orders = 1 }, { customer_id = "c2", orders = 1 }]"#,
    ));
    ends(&shop.sillage(&["test"]), "fail", 1);
    ends(&shop.sillage(&["test", "--log-format", "json"]), "fail_json", 1);
}

#[test]
fn no_row_is_an_expectation_too() {
    let shop = Shop::with_tests("as_of = 2026-03-01\n[[test]]\nname = \"nobody bought\"\nexpect = []\n");
    assert_eq!(shop.sillage(&["test"]).code, Some(0));
    shop.edit(
        "sql/shop/mart/customer_360.test.toml",
        "expect",
        "given.core.orders = [{ customer_id = \"c1\", ordered_at = 2026-02-01, net_amount = 1 }]\nexpect",
    );
    ends(&shop.sillage(&["test"]), "fail_nothing_expected", 1);
}

#[test]
fn a_model_that_breaks_over_the_rows_fails_its_test() {
    let shop = Shop::with_tests(HOLD);
    shop.edit("sql/shop/mart/customer_360.sql", "count(*) as orders", "1 / (count(*) - count(*)) as orders");
    ends(&shop.sillage(&["test"]), "fail_broken", 1);
}

#[test]
fn everything_wrong_with_the_tests_is_reported_at_once() {
    let shop = Shop::with_tests(
        r#"
[[test]]
name = "no instant"
given."core.orders" = [{ customer_id = "c1" }]
given."raw.orders" = [{ customer_id = "c1" }]
given."core.order" = []
expect = [{ customer = "c1" }]

[[test]]
name = "no instant"
as_of = "2026-03-01"
nmae = "x"
given."core.orders" = [{ customer_id = "c1", net_amount = "1,50", orderd_at = "2026-02-01" }]
expect = [{ orders = "many" }]
"#,
    );
    shop.tests("core.orders", "[[test]]\nname = \"raw\"\ngiven.\"raw.orders\" = \"\"\"\norder_id,ordered_at\no1\no2,soon\n\"\"\"\nexpect = [\n");
    shop.tests("core.nothing", "");
    ends(&shop.sillage(&["test"]), "wrong_files", 2);
    // What is in the TOML is fixed; now the columns and types are looked at.
    shop.tests("core.orders", "[[test]]\nname = \"raw\"\ngiven.\"raw.orders\" = \"\"\"\norder_id,ordered_at\no2,soon\n\"\"\"\nexpect = []\n");
    shop.remove("sql/shop/core/nothing.test.toml");
    shop.edit("sql/shop/mart/customer_360.test.toml", "nmae = \"x\"\n", "");
    shop.edit(
        "sql/shop/mart/customer_360.test.toml",
        "name = \"no instant\"\nas_of",
        "name = \"an instant\"\nas_of",
    );
    ends(&shop.sillage(&["test"]), "wrong_columns", 2);
}

#[test]
fn a_model_that_cannot_be_planned_is_reported_once_and_not_what_reads_it() {
    let shop = Shop::with_tests(HOLD);
    shop.edit("sql/shop/core/orders.sql", "net_amount", "netamount");
    ends(&shop.sillage(&["test"]), "wrong_model", 2);
}

#[test]
fn an_instant_is_needed_where_the_model_asks_for_it() {
    let shop = Shop::with_tests("[[test]]\nname = \"nobody\"\nexpect = []\n");
    ends(&shop.sillage(&["test"]), "no_instant", 1);
}

#[test]
fn tests_are_selected_like_steps() {
    let shop = Shop::with_tests(HOLD);
    shop.tests(
        "core.visits",
        "[[test]]\nname = \"a page\"\ngiven.raw.visits = [{ page = \"x\" }]\nexpect = [{ page = \"x\" }]\n",
    );
    ends(&shop.sillage(&["test", "--select", "core.*"]), "select", 0);
    ends(&shop.sillage(&["test", "--exclude", "core.*"]), "exclude", 0);
    ends(&shop.sillage(&["test", "--select", "core.people"]), "select_nothing", 2);
}

#[test]
fn models_that_read_what_was_mined_are_tested_too() {
    let shop = Shop::with_tests(HOLD);
    shop.model(
        "mart.by_segment",
        "select s.segment_name, count(*) as customers, cast(avg(r.steps) as bigint) as steps\n\
         from mart.segments s cross join (select max(steps) as steps from ops.runs) r group by 1",
    );
    shop.properties("mart.by_segment", "key = [\"segment_name\"]\n");
    shop.tests(
        "mart.by_segment",
        "[[test]]\nname = \"counts\"\n\
         given.\"mart.segments\" = [{ customer_id = \"a\", segment_name = \"x\" }, { customer_id = \"b\", segment_name = \"x\" }]\n\
         given.\"ops.runs\" = [{ run = 1, steps = 7 }]\n\
         expect = [{ segment_name = \"x\", customers = 2, steps = 7 }]\n",
    );
    let output = shop.sillage(&["test", "--select", "mart.by_segment"]);
    assert_eq!(output.code, Some(0), "{}{}", output.out, output.err);
}

/// The tests of the pipelines that come with sillage hold, with no data anywhere.
#[test]
fn the_shipped_models_do_what_their_tests_say() {
    for (pipeline, least) in [("nightly", 24), ("complete_journey", 8), ("online_retail", 7)] {
        let output = Command::new(env!("CARGO_BIN_EXE_sillage"))
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .env_remove("SILLAGE_DATA")
            .args(["test", &format!("pipelines/{pipeline}.toml"), "--log-format", "json"])
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{pipeline}: {out}{err}");
        let last: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
        assert!(last["passed"].as_u64().unwrap() >= least, "{pipeline}: {last}");
    }
}
