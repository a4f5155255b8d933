//! Every person on a list, and every person left off, has a reason; the reasons add up; nobody is contacted
//! without consent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, Int64Type};
use proptest::prelude::*;
use sillage::audience::{self, Audience, Audiences, Condition, Reach, WeakModel};
use sillage::clock::{Instant, parse_instant};
use sillage::model::sql::tables_read;
use sillage::name::TableName;
use sillage::step::{Step, StepContext};
use sillage::warehouse::Warehouse;
use sillage::warehouse::catalog::Catalog;
use sillage::warehouse::engine::Engine;
use sillage::warehouse::stage::{Layout, Mode};
use sillage::warehouse::time_column::TimeColumn;
use sillage::warehouse::visibility::{KnownSince, Visibility};

use crate::shop::{Shop, query, sillage};

#[derive(Debug, Clone)]
struct Customer {
    meant: Option<bool>,
    complained: Option<bool>,
    written_to: Option<bool>,
    worth: Option<f64>,
    words: Vec<Word>,
}

/// What they said about a channel and a purpose, on which day and under which of their records.
#[derive(Debug, Clone)]
struct Word {
    record: usize,
    channel: &'static str,
    purpose: &'static str,
    granted: bool,
    day: i64,
}

/// Records of a customer under which they may speak: two cards and an e-mail address.
const RECORDS: usize = 3;

/// How the shipped night gets from the answers of records to the consents of customers.
const SHIPPED: &str = include_str!("../../sql/nightly/core/consents.sql");

/// The day of the night; what is said on it or later is not known yet.
const TODAY: i64 = 6;

impl Customer {
    fn agreed(&self, audience: &Audience) -> bool {
        let known = || self.words.iter().filter(|w| w.channel == audience.channel && w.day < TODAY);
        if audience.purposes.is_empty() {
            return agrees(known());
        }
        audience.purposes.iter().all(|purpose| {
            let asked = || known().filter(|w| w.purpose == *purpose);
            let records: BTreeSet<usize> = asked().map(|w| w.record).collect();
            // One no is a no, whatever another record said and when.
            !records.is_empty() && records.iter().all(|r| agrees(asked().filter(|w| w.record == *r)))
        })
    }

    /// The position of the reason that keeps the customer off, tried in the audience's order.
    fn off(&self, audience: &Audience) -> Option<usize> {
        let exclusions = audience.exclusions.len();
        let first = 2 + exclusions;
        if self.meant != Some(true) {
            return Some(1);
        }
        for (n, exclusion) in audience.exclusions.iter().enumerate() {
            let met = if exclusion.sql == "complained" { self.complained } else { self.written_to };
            if met == Some(true) {
                return Some(2 + n);
            }
        }
        if audience.consent && !self.agreed(audience) {
            return Some(first);
        }
        let no_rank = first + usize::from(audience.consent);
        self.worth.is_none().then_some(no_rank)
    }
}

/// The latest word counts; of several on one day a no.
fn agrees<'w>(words: impl Iterator<Item = &'w Word> + Clone) -> bool {
    let Some(latest) = words.clone().map(|w| w.day).max() else { return false };
    words.filter(|w| w.day == latest).all(|w| w.granted)
}

fn customer() -> impl Strategy<Value = Customer> {
    let maybe = || prop::option::weighted(0.8, prop::bool::weighted(0.3));
    let word = (
        0..RECORDS,
        prop::sample::select(vec!["email", "email", "post"]),
        prop::sample::select(vec!["promotions", "profilage"]),
        prop::bool::weighted(0.7),
        0..10_i64,
    )
        .prop_map(|(record, channel, purpose, granted, day)| Word {
            record,
            channel,
            purpose,
            granted,
            day,
        });
    (
        prop::option::weighted(0.9, prop::bool::weighted(0.8)),
        maybe(),
        maybe(),
        prop::option::weighted(0.9, (0..6_u8).prop_map(f64::from)),
        prop::collection::vec(word, 0..9),
    )
        .prop_map(|(meant, complained, written_to, worth, words)| Customer {
            meant,
            complained,
            written_to,
            worth,
            words,
        })
}

fn audience_rule() -> impl Strategy<Value = Audience> {
    let exclusions = prop::sample::subsequence(vec!["complained", "written_to"], 0..=2);
    // An author may use our own words as a reason.
    let reason = prop::sample::select(vec!["it's too early", "control group", "on the list"]);
    (
        (exclusions, reason, prop::option::of(1..12_u64)),
        (any::<bool>(), prop::sample::select(vec![0.0, 0.1, 0.5, 0.9]), "[a-z']{0,3}"),
        prop::sample::subsequence(vec!["profilage".to_owned(), "promotions".to_owned()], 0..=2),
    )
        .prop_map(|((exclusions, reason, limit), (consent, control, salt), purposes)| Audience {
            name: "spring".to_owned(),
            from: vec!["mart.customer_360".parse().unwrap()],
            rules: vec![Condition { reason: "outside".to_owned(), sql: "meant".to_owned() }],
            exclusions: exclusions
                .into_iter()
                .enumerate()
                .map(|(n, condition)| Condition {
                    reason: if n == 0 { reason.to_owned() } else { "another".to_owned() },
                    sql: condition.to_owned(),
                })
                .collect(),
            rank_by: "worth".to_owned(),
            asks: BTreeSet::new(),
            limit,
            channel: "email".to_owned(),
            consent,
            purposes: if consent { purposes } else { Vec::new() },
            reach: Reach::Unchecked,
            has_bounces: false,
            reached_by: Vec::new(),
            control,
            salt,
            weak_model: WeakModel::Warn,
            scores: BTreeSet::new(),
            export: Vec::new(),
        })
}

/// What the audience wrote down.
struct Result {
    decisions: RecordBatch,
    lists: RecordBatch,
    waterfall: RecordBatch,
}

/// Nobody shares an address here.
fn no_keys() -> RecordBatch {
    let nothing = || -> ArrayRef { Arc::new(StringArray::from(Vec::<&str>::new())) };
    RecordBatch::try_from_iter(["source", "record_id", "key_kind", "key_value"].map(|name| (name, nothing())))
        .unwrap()
}

fn draw(customers: &[Customer], audience: &Audience) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open_or_create(folder.path().to_str().unwrap()).await.unwrap();
        let engine = Engine::new(sillage::run::Request::all().limits, &warehouse).unwrap();
        let known =
            Visibility { known: KnownSince::At(TimeColumn::state("valid_from")), ..Visibility::default() };
        let visibility = BTreeMap::from([
            (audience::table(audience::CONSENTS), known.clone()),
            ("channel.consents".parse().unwrap(), known),
        ]);
        let catalog = Catalog::new(warehouse.clone(), engine, None, visibility);
        let given = if audience.purposes.is_empty() {
            vec![("mart.customer_360", base(customers)), ("core.consents", consents(customers))]
        } else {
            vec![
                ("mart.customer_360", base(customers)),
                ("channel.consents", answers(customers)),
                ("core.customer_ids", customer_ids(customers)),
                ("channel.person_keys", no_keys()),
            ]
        };
        for (name, batch) in given {
            let name: TableName = name.parse().unwrap();
            let mut stager = warehouse.stager(&name, Mode::Replace, &batch.schema()).unwrap();
            stager.write(&batch).await.unwrap();
            catalog.add_staged(&stager.finish().await.unwrap()).await.unwrap();
        }
        if !audience.purposes.is_empty() {
            let reads = tables_read(SHIPPED).unwrap();
            let states = catalog.session(&reads, Some(day(TODAY))).await.unwrap().sql(SHIPPED).await.unwrap();
            let table = audience::table(audience::CONSENTS);
            let staged = warehouse.stage(&table, Mode::Replace, Layout::Parallel, states).await.unwrap();
            catalog.add_staged(&staged).await.unwrap();
        }
        let audiences = Audiences(vec![audience.clone()]);
        let keys = audiences.writes().into_iter().map(|made| (made.name, made.key)).collect();
        let context = StepContext {
            pipeline: "test".to_owned(),
            timezone: chrono_tz::UTC,
            seed: 42,
            run: 1,
            as_of: day(TODAY),
            last_as_of: None,
            full_refresh: false,
            erasing: false,
            suppressions: None,
            catalog: Arc::new(catalog),
            keys: Arc::new(keys),
            past: Arc::new(sillage::step::past::Past::default()),
        };
        let made = audiences.perform(&context).await.unwrap().staged;
        let mut batches = Vec::new();
        for staged in &made {
            let session = context.catalog.session_of_all_rows(staged).await.unwrap();
            let frame = session.table(&staged.table).await.unwrap();
            let schema = Arc::new(frame.schema().as_arrow().clone());
            batches.push(arrow::compute::concat_batches(&schema, &frame.collect().await.unwrap()).unwrap());
        }
        let _definitions = batches.pop().unwrap();
        let waterfall = batches.pop().unwrap();
        let lists = batches.pop().unwrap();
        Result { decisions: batches.pop().unwrap(), lists, waterfall }
    })
}

fn day(n: i64) -> Instant {
    parse_instant("2026-01-01", chrono_tz::Tz::UTC).unwrap() + chrono::Duration::days(n)
}

fn id(n: usize) -> String {
    format!("c{n:03}")
}

fn base(customers: &[Customer]) -> RecordBatch {
    let flags = |value: &dyn Fn(&Customer) -> Option<bool>| -> ArrayRef {
        Arc::new(customers.iter().map(value).collect::<BooleanArray>())
    };
    RecordBatch::try_from_iter_with_nullable([
        (
            "customer_id",
            Arc::new((0..customers.len()).map(|n| Some(id(n))).collect::<StringArray>()) as ArrayRef,
            true,
        ),
        ("meant", flags(&|c| c.meant), true),
        ("complained", flags(&|c| c.complained), true),
        ("written_to", flags(&|c| c.written_to), true),
        ("worth", Arc::new(customers.iter().map(|c| c.worth).collect::<Float64Array>()), true),
    ])
    .unwrap()
}

fn all_words(customers: &[Customer]) -> Vec<(usize, &Word)> {
    customers.iter().enumerate().flat_map(|(n, c)| c.words.iter().map(move |w| (n, w))).collect()
}

fn text<'w>(values: impl Iterator<Item = Option<String>> + 'w) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn granted_since(words: &[(usize, &Word)]) -> [(&'static str, ArrayRef, bool); 2] {
    let since = words.iter().map(|(_, w)| Some(day(w.day).timestamp_micros()));
    [
        ("granted", Arc::new(words.iter().map(|(_, w)| Some(w.granted)).collect::<BooleanArray>()), true),
        ("valid_from", Arc::new(since.collect::<TimestampMicrosecondArray>().with_timezone("UTC")), true),
    ]
}

/// Consents that know neither purposes nor records: one row per word.
fn consents(customers: &[Customer]) -> RecordBatch {
    let words = all_words(customers);
    let [granted, since] = granted_since(&words);
    RecordBatch::try_from_iter_with_nullable([
        ("customer_id", text(words.iter().map(|(n, _)| Some(id(*n)))), true),
        ("channel", text(words.iter().map(|(_, w)| Some(w.channel.to_owned()))), true),
        granted,
        since,
    ])
    .unwrap()
}

/// The card or e-mail address under which a customer speaks.
fn record_id(n: usize, record: usize) -> String {
    if record == 0 { format!("c{n}@example.org") } else { format!("k{n}-{record}") }
}

/// The answers as the channels give them.
fn answers(customers: &[Customer]) -> RecordBatch {
    let words = all_words(customers);
    let [granted, since] = granted_since(&words);
    let under = |email: bool| {
        text(words.iter().map(move |(n, w)| ((w.record == 0) == email).then(|| record_id(*n, w.record))))
    };
    RecordBatch::try_from_iter_with_nullable([
        ("card", under(false), true),
        ("email", under(true), true),
        ("channel", text(words.iter().map(|(_, w)| Some(w.channel.to_owned()))), true),
        ("purpose", text(words.iter().map(|(_, w)| Some(w.purpose.to_owned()))), true),
        granted,
        since,
        ("given_on", text(words.iter().map(|_| Some("form".to_owned()))), true),
    ])
    .unwrap()
}

/// Whose the records are.
fn customer_ids(customers: &[Customer]) -> RecordBatch {
    let records: Vec<(usize, usize)> =
        (0..customers.len()).flat_map(|n| (0..RECORDS).map(move |record| (n, record))).collect();
    let source = |record: usize| if record == 0 { "email" } else { "card" };
    RecordBatch::try_from_iter_with_nullable([
        ("source", text(records.iter().map(|(_, r)| Some(source(*r).to_owned()))), true),
        ("record_id", text(records.iter().map(|(n, r)| Some(record_id(*n, *r)))), true),
        ("customer_id", text(records.iter().map(|(n, _)| Some(id(*n)))), true),
    ])
    .unwrap()
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = batch.column_by_name(column).unwrap().as_string::<i32>();
    column.iter().map(|v| v.unwrap().to_owned()).collect()
}

fn numbers(batch: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    batch.column_by_name(column).unwrap().as_primitive::<Int64Type>().iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_customer_has_one_reason_and_the_reasons_add_up(
        customers in prop::collection::vec(customer(), 0..30),
        audience in audience_rule(),
    ) {
        let result = draw(&customers, &audience);
        let reasons = audience::reasons(&audience);
        let (listed, control, beyond) = (reasons.len() - 1, reasons.len() - 2, reasons.len() - 3);

        // One decision a customer, for the first reason that holds.
        let decided: BTreeMap<String, usize> = texts(&result.decisions, "customer_id")
            .into_iter()
            .zip(numbers(&result.decisions, "position").into_iter().map(|p| p.unwrap() as usize))
            .collect();
        prop_assert_eq!(result.decisions.num_rows(), customers.len());
        prop_assert_eq!(decided.len(), customers.len());
        for (n, customer) in customers.iter().enumerate() {
            match customer.off(&audience) {
                Some(position) => prop_assert_eq!(decided[&id(n)], position, "{:?}", customer),
                None => prop_assert!(decided[&id(n)] >= beyond, "{:?}", customer),
            }
        }
        for (position, reason) in
            numbers(&result.decisions, "position").iter().zip(texts(&result.decisions, "reason"))
        {
            prop_assert_eq!(&reasons[position.unwrap() as usize], &reason);
        }

        // The limit takes the best, the control group included.
        let mut able: Vec<(f64, String)> = customers
            .iter()
            .enumerate()
            .filter(|(_, c)| c.off(&audience).is_none())
            .map(|(n, c)| (-c.worth.unwrap(), id(n)))
            .collect();
        able.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let best = able.len().min(audience.limit.map_or(usize::MAX, |l| l as usize));
        for (n, (_, id)) in able.iter().enumerate() {
            prop_assert_eq!(decided[id] == beyond, n >= best, "{}", id);
        }

        // The list: those and nobody else, each with a rank of its own, agreed where that is asked.
        let people = texts(&result.lists, "customer_id");
        let on_list: BTreeSet<&String> = people.iter().collect();
        prop_assert_eq!(on_list.len(), people.len());
        let chosen: BTreeSet<&String> = able[..best].iter().map(|(_, id)| id).collect();
        prop_assert_eq!(&on_list, &chosen);
        let kept_back = result.lists.column_by_name("is_control").unwrap().as_boolean();
        let ranks = numbers(&result.lists, "rank");
        let scores = result.lists.column_by_name("score").unwrap().as_primitive::<Float64Type>();
        for (row, person) in people.iter().enumerate() {
            prop_assert!(kept_back.is_valid(row));
            prop_assert_eq!(decided[person], if kept_back.value(row) { control } else { listed });
            let rank = ranks[row].unwrap() as usize;
            prop_assert_eq!(&able[rank - 1].1, person);
            prop_assert_eq!(scores.value(row), -able[rank - 1].0);
            let customer = &customers[person[1..].parse::<usize>().unwrap()];
            prop_assert!(!audience.consent || customer.agreed(&audience));
            prop_assert!(audience.control > 0.0 || !kept_back.value(row));
        }

        // The waterfall: the base, then what each reason took, down to the list.
        let fall: BTreeMap<usize, (String, i64)> = numbers(&result.waterfall, "position")
            .into_iter()
            .map(|p| p.unwrap() as usize)
            .zip(texts(&result.waterfall, "reason").into_iter().zip(
                numbers(&result.waterfall, "customers").into_iter().map(Option::unwrap),
            ))
            .collect();
        let messages: Vec<&String> = fall.values().map(|(reason, _)| reason).collect();
        prop_assert_eq!(messages, reasons.iter().collect::<Vec<_>>());
        prop_assert_eq!(fall[&0].1, customers.len() as i64);
        prop_assert_eq!(fall.values().skip(1).map(|(_, n)| n).sum::<i64>(), fall[&0].1);
        prop_assert_eq!((fall[&control].1 + fall[&listed].1) as usize, people.len());
    }
}

#[test]
fn the_control_group_leaves_the_house_only_when_asked_for() {
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    shop.run(&warehouse, &[]).published();
    let place = warehouse.to_str().unwrap();
    for audience in ["come_back", "catalogue"] {
        let of = |control: &str| -> BTreeSet<String> {
            let sql = format!(
                "select customer_id from mart.target_lists where audience = '{audience}' and is_control = {control}"
            );
            query(&warehouse, &sql).lines().skip(1).map(str::to_owned).collect()
        };
        let (listed, control) = (of("false"), of("true"));
        assert!(!listed.is_empty() && !control.is_empty(), "{audience}");
        let export = |arguments: &[&str]| -> (String, BTreeSet<String>) {
            let file = shop.path().join("list.csv");
            let mut all =
                vec!["audience", "export", audience, "--warehouse", place, "-o", file.to_str().unwrap()];
            all.extend(arguments);
            sillage(all).published();
            let text = std::fs::read_to_string(&file).unwrap();
            let at = text.lines().next().unwrap().split(',').position(|c| c == "customer_id").unwrap();
            let people = text.lines().skip(1).map(|l| l.split(',').nth(at).unwrap().to_owned()).collect();
            (text, people)
        };
        assert_eq!(export(&[]).1, listed, "{audience}");
        let (text, all) = export(&["--with-control"]);
        assert!(text.lines().next().unwrap().contains("is_control"));
        assert_eq!(all, &listed | &control, "{audience}");
        // The waterfall of the same release says how many.
        let messages = sillage(["audience", "waterfall", audience, "--warehouse", place, "--format", "csv"]);
        let messages = messages.published().stdout;
        assert!(messages.contains(&format!("control group,{}", control.len())), "{messages}");
        assert!(messages.contains(&format!("on the list,{}", listed.len())), "{messages}");
    }
}
