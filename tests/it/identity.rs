//! Identity by exact keys: records that share a key, directly or not, are one customer, in whatever order the
//! records come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use proptest::prelude::*;
use sillage::identity::IdentityDeclaration;
use sillage::name::TableName;
use sillage::step::{Step, StepContext};
use sillage::warehouse::Warehouse;
use sillage::warehouse::catalog::Catalog;
use sillage::warehouse::engine::Engine;
use sillage::warehouse::stage::{Layout, Mode};

use crate::shop::{Shop, copy_folder, rows, shelf};

/// A record, a key's kind and its value; a record without a key has none.
type Row = (String, Option<(&'static str, String)>);

/// The customer of every record.
fn customers(rows: &[Row]) -> BTreeMap<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open_or_create(folder.path().to_str().unwrap()).await.unwrap();
        let engine = Engine::new(sillage::run::Request::all().limits, &warehouse).unwrap();
        let catalog = Catalog::new(warehouse.clone(), engine, None, BTreeMap::new());
        let session = catalog.session(std::iter::empty::<&TableName>(), None).await.unwrap();
        let table: TableName = "channel.person_keys".parse().unwrap();
        let texts = |value: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
            Arc::new(rows.iter().map(value).collect::<StringArray>())
        };
        let keys = RecordBatch::try_from_iter_with_nullable([
            ("source", texts(&|_| Some("till".to_owned())), true),
            ("record_id", texts(&|r| Some(r.0.clone())), true),
            ("key_kind", texts(&|r| r.1.as_ref().map(|k| k.0.to_owned())), true),
            ("key_value", texts(&|r| r.1.as_ref().map(|k| k.1.clone())), true),
        ])
        .unwrap();
        let keys = session.read_batch(keys).unwrap();
        let staged = warehouse.stage(&table, Mode::Replace, Layout::Parallel, keys).await.unwrap();
        catalog.add_staged(&staged).await.unwrap();
        let declared = "keys = 'channel.person_keys'\nmax_key_persons = 1000000";
        let identity = toml::from_str::<IdentityDeclaration>(declared).unwrap().check().unwrap();
        let context = StepContext {
            pipeline: "test".to_owned(),
            timezone: chrono_tz::UTC,
            seed: 42,
            run: 1,
            as_of: sillage::clock::now(),
            last_as_of: None,
            full_refresh: false,
            erasing: false,
            suppressions: None,
            catalog: Arc::new(catalog),
            keys: Arc::default(),
            past: Arc::new(sillage::step::past::Past::default()),
        };
        let resolved = identity.perform(&context).await.unwrap().staged.remove(0);
        let catalog = &context.catalog;
        let session = catalog.session_of_all_rows(&resolved).await.unwrap();
        let resolved = session.table(&resolved.table).await.unwrap();
        let mut customers = BTreeMap::new();
        for batch in resolved.collect().await.unwrap() {
            let (records, ids) = (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
            for (record, id) in records.iter().zip(ids) {
                let twice = customers.insert(record.unwrap().to_owned(), id.unwrap().to_owned());
                assert_eq!(twice, None, "a record has one customer");
            }
        }
        customers
    })
}

/// Records and the keys they hold.
type Group<'a> = (BTreeSet<String>, BTreeSet<(&'a str, &'a str)>);

/// The groups of records, found by the plainest search there is.
fn groups_by_search(rows: &[Row]) -> BTreeSet<BTreeSet<String>> {
    let mut groups: Vec<Group> = Vec::new();
    for (record, key) in rows {
        let mut here = (BTreeSet::from([record.clone()]), BTreeSet::new());
        here.1.extend(key.as_ref().map(|(kind, value)| (*kind, value.as_str())));
        let (same, others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|g| !g.0.is_disjoint(&here.0) || !g.1.is_disjoint(&here.1));
        for (records, keys) in same {
            here.0.extend(records);
            here.1.extend(keys);
        }
        groups = others;
        groups.push(here);
    }
    groups.into_iter().map(|g| g.0).collect()
}

fn groups_of(customers: &BTreeMap<String, String>) -> BTreeSet<BTreeSet<String>> {
    let mut groups: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (record, customer) in customers {
        groups.entry(customer).or_default().insert(record.clone());
    }
    groups.into_values().collect()
}

fn row() -> impl Strategy<Value = Row> {
    let key = (prop::sample::select(vec!["card", "email"]), 0..14_u8).prop_map(|(k, v)| (k, v.to_string()));
    (0..20_u8, prop::option::weighted(0.9, key)).prop_map(|(record, key)| (format!("r{record}"), key))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn customers_are_the_groups_that_shared_keys_make(rows in prop::collection::vec(row(), 1..40)) {
        prop_assert_eq!(groups_of(&customers(&rows)), groups_by_search(&rows));
    }

    #[test]
    fn the_order_of_the_records_changes_no_id(
        (rows, shuffled) in prop::collection::vec(row(), 1..40).prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle()))
    ) {
        prop_assert_eq!(customers(&rows), customers(&shuffled));
    }

    #[test]
    fn a_stranger_changes_no_persons_id(rows in prop::collection::vec(row(), 1..40)) {
        let before = customers(&rows);
        let mut more = rows;
        more.push(("a stranger".to_owned(), Some(("email", "stranger@example.org".to_owned()))));
        let mut after = customers(&more);
        prop_assert!(after.remove("a stranger").is_some_and(|id| !before.values().any(|b| *b == id)));
        prop_assert_eq!(after, before);
    }
}

#[test]
fn keys_unite_across_records_and_kinds() {
    let key = |kind, value: &str| Some((kind, value.to_owned()));
    let rows = [
        ("form".to_owned(), key("card", "7")),
        ("form".to_owned(), key("email", "a@example.org")),
        ("account".to_owned(), key("email", "a@example.org")),
        ("account".to_owned(), key("phone", "1")),
        ("call".to_owned(), key("phone", "1")),
        // The same text as a key of another kind is another key.
        ("ticket".to_owned(), key("card", "1")),
        ("nobody".to_owned(), None),
        ("nobody else".to_owned(), None),
    ];
    let of = customers(&rows);
    assert_eq!(of["form"], of["account"]);
    assert_eq!(of["form"], of["call"]);
    let different: BTreeSet<&String> = ["form", "ticket", "nobody", "nobody else"].map(|r| &of[r]).into();
    assert_eq!(different.len(), 4);
}

#[test]
fn the_order_of_files_and_rows_changes_no_customer_and_no_mart() {
    let shop = Shop::with_all_deliveries();
    let (first, other) = (shop.warehouse("first"), shop.warehouse("other"));
    shop.run(&first, &[]).published();
    let straight = shop.path().join("straight");
    copy_folder(&shop.exports(), &straight);
    std::fs::remove_dir_all(shop.exports()).unwrap();
    for source in ["tickets", "web_orders", "cards", "consents"] {
        for entry in std::fs::read_dir(straight.join(source)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let header = usize::from(source != "web_orders");
            let mut lines: Vec<&str> = text.lines().collect();
            lines[header..].reverse();
            // 01 becomes 98, 06 becomes 93: the files, too, come the other way round.
            let name = path.file_name().unwrap().to_str().unwrap();
            let (number, ending) = name.split_once('.').unwrap();
            let number = 99 - number.parse::<u32>().unwrap();
            shop.put(source, &format!("{number}.{ending}"), &(lines.join("\n") + "\n"));
        }
    }
    shop.run(&other, &[]).published();
    assert_eq!(rows(&first, "core.customer_ids"), rows(&other, "core.customer_ids"));
    assert_eq!(shelf(&first), shelf(&other));
}
