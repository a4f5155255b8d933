//! What a reconciliation finds: a cent that is lost, doubled, rounded or booked under another key, at every joint.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::{Check, CheckDeclaration, SHOWN_ROWS};
use crate::error::Result;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::engine::{Engine, Limits};

/// Sales of three customers, one of them unknown, as a till has them.
const SALES: &str = "('t1', 'ada', 'shop', 10.00), ('t2', 'ada', 'web', 5.55), ('t3', 'zoé', 'web', 0.01), \
                     ('t4', null, 'shop', 20.00), ('t5', 'zoé', 'web', -5.55)";

/// Returns what was found: how many groups or keys differ, and in words.
async fn found(tables: &[(&str, &str)], declared: &str) -> Result<(u64, Vec<String>)> {
    let warehouse = Warehouse::in_memory()?;
    let limits = Limits { threads: NonZeroUsize::MIN, memory: None };
    let engine = Engine::new(limits, &warehouse)?;
    let catalog = Catalog::new(warehouse, engine, None, BTreeMap::new());
    let session = catalog.session([], None).await?;
    for (table, values) in tables {
        let sql = format!(
            "select id, customer, channel, cast(amount as decimal(18,2)) as amount, cast(amount as double) as rough
             from (values {values}) as rows (id, customer, channel, amount)"
        );
        catalog.put_view(&table.parse()?, session.sql(&sql).await.unwrap());
    }
    let declaration: CheckDeclaration = toml::from_str(declared).unwrap();
    let check: Check = declaration.check(&"core.ledger".parse()?)?.remove(0);
    let finding = check.run(&catalog, None).await?;
    let rows = check.broken_rows(&catalog, None, &[], SHOWN_ROWS).await?;
    Ok((finding.failures, rows))
}

const BY_CHANNEL_AND_ID: &str = "reconciles = 'amount'\nby = 'channel'\nkeyed_by = 'id'\n\
                                 with = [{ table = 'raw.sales' }]";

async fn ledger_against_sales(ledger: &str) -> (u64, Vec<String>) {
    found(&[("core.ledger", ledger), ("raw.sales", SALES)], BY_CHANNEL_AND_ID).await.unwrap()
}

#[tokio::test]
async fn equal_totals_say_nothing() {
    assert_eq!(ledger_against_sales(SALES).await, (0, vec![]));
}

#[tokio::test]
async fn a_cent_that_is_lost_is_named_with_its_group_and_its_key() {
    let ledger = SALES.replace("('t3', 'zoé', 'web', 0.01), ", "");
    let (failures, rows) = ledger_against_sales(&ledger).await;
    assert_eq!(failures, 1);
    assert_eq!(
        rows,
        [
            "channel = web: 0.00 in core.ledger, 0.01 in raw.sales: 0.01 less",
            "channel = web, id = t3: 0.01 in raw.sales alone"
        ]
    );
}

#[tokio::test]
async fn an_entry_that_is_there_twice_is_said_to_be() {
    let (failures, rows) = ledger_against_sales(&format!("{SALES}, ('t3', 'zoé', 'web', 0.01)")).await;
    assert_eq!(failures, 1);
    assert_eq!(rows[1], "channel = web, id = t3: 0.02 in core.ledger, 0.01 in raw.sales: twice");
}

#[tokio::test]
async fn an_amount_that_was_rounded_is_off_by_the_cent() {
    let (failures, rows) = ledger_against_sales(&SALES.replace("'web', 5.55", "'web', 5.56")).await;
    assert_eq!(failures, 1);
    assert_eq!(rows[1], "channel = web, id = t2: 5.56 in core.ledger, 5.55 in raw.sales: 0.01 more");
}

#[tokio::test]
async fn an_entry_under_another_key_is_found_though_the_totals_agree() {
    let (failures, rows) = ledger_against_sales(&SALES.replace("'t3'", "'t9'")).await;
    assert_eq!(failures, 2);
    assert_eq!(
        rows,
        [
            "channel = web, id = t3: 0.01 in raw.sales alone",
            "channel = web, id = t9: 0.01 in core.ledger alone"
        ]
    );
}

/// Customers and what has no customer: two tables that together are the ledger.
const CUSTOMERS: &str = "reconciles = 'amount'\nkeyed_by = \"coalesce(customer, 'nobody')\"\n\
    with = [{ table = 'mart.customers', keyed_by = 'customer' },\n\
            { table = 'core.unallocated', keyed_by = \"'nobody'\", where = \"channel = 'shop'\" }]";

#[tokio::test]
async fn several_tables_make_one_total() {
    let customers = "('', 'ada', '', 15.55), ('', 'zoé', '', -5.54)";
    let unallocated = "('t4', null, 'shop', 20.00), ('t6', null, 'web', 99.00)";
    let with = |customers| {
        [("core.ledger", SALES), ("mart.customers", customers), ("core.unallocated", unallocated)]
    };
    assert_eq!(found(&with(customers), CUSTOMERS).await.unwrap(), (0, vec![]));
    let swapped = "('', 'ada', '', 15.54), ('', 'zoé', '', -5.53)";
    let (failures, rows) = found(&with(swapped), CUSTOMERS).await.unwrap();
    assert_eq!(failures, 2);
    let both = "mart.customers + core.unallocated";
    assert_eq!(
        rows,
        [
            format!("coalesce(customer, 'nobody') = ada: 15.55 in core.ledger, 15.54 in {both}: 0.01 more"),
            format!("coalesce(customer, 'nobody') = zoé: -5.54 in core.ledger, -5.53 in {both}: 0.01 less"),
        ]
    );
}

#[tokio::test]
async fn a_table_may_be_compared_with_parts_of_itself() {
    let declared = "reconciles = 'amount'\nwith = [{ table = 'core.ledger', where = \"channel = 'web'\" },\n\
                    { table = 'core.ledger', where = \"channel <> 'web'\" }]";
    assert_eq!(found(&[("core.ledger", SALES)], declared).await.unwrap(), (0, vec![]));
}

#[tokio::test]
async fn without_groups_there_is_one_total() {
    let declared = "reconciles = 'amount'\nwith = [{ table = 'raw.sales', sum = '-amount' }]";
    let tables = [("core.ledger", SALES), ("raw.sales", SALES)];
    let (failures, rows) = found(&tables, declared).await.unwrap();
    assert_eq!(failures, 1);
    assert_eq!(rows, ["in all: 30.01 in core.ledger, -30.01 in raw.sales: 60.02 more"]);
}

#[tokio::test]
async fn an_empty_amount_is_no_zero() {
    let (failures, rows) = ledger_against_sales(&SALES.replace("20.00", "null")).await;
    assert_eq!(failures, 1);
    assert_eq!(rows[1], "channel = shop, id = t4: 1 row without an amount");
}

#[tokio::test]
async fn a_float_is_refused_since_its_total_depends_on_the_order() {
    let declared = "reconciles = 'rough'\nwith = [{ table = 'raw.sales' }]";
    let error = found(&[("core.ledger", SALES), ("raw.sales", SALES)], declared).await.unwrap_err();
    assert!(error.to_string().contains("`rough` of core.ledger is Float64, which is not exact"), "{error}");
}

#[test]
fn a_declaration_says_what_it_needs() {
    let refused = |declared: &str| {
        let declaration: CheckDeclaration = toml::from_str(declared).unwrap();
        declaration.check(&"core.ledger".parse().unwrap()).unwrap_err().message().to_owned()
    };
    assert_eq!(refused("reconciles = 'amount'"), "`reconciles` needs the tables whose total is the same");
    assert_eq!(
        refused("reconciles = 'amount'\nby = ['a', 'b']\nwith = [{ table = 'core.x', by = 'a' }]"),
        "`by` of core.x has another number of entries (1) than the checked table (2)"
    );
    assert_eq!(
        refused("unique = 'a'\nby = 'b'"),
        "`by` belongs to `reconciles`, which the entry does not have"
    );
    assert_eq!(
        refused("reconciles = 'amount'\nunique = 'a'\nwith = [{ table = 'core.x' }]"),
        "an entry of `checks` must have one assertion, found 2"
    );
}
