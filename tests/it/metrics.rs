//! Metrics night after night: what each night said stays, objectives are judged by it, and why a metric moved adds up.

use std::fmt::Write as _;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Decimal128Type;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use sillage::metric::change::{Explained, OfRelease, Question, explain};
use sillage::run::Request;
use sillage::warehouse::Warehouse;
use sillage::warehouse::catalog::Catalog;
use sillage::warehouse::engine::Engine;

use crate::small::{Small, request};

const SOURCE: &str = r#"
key = ["order_id"]
time = "ordered_at"
[sources.list.columns]
order_id = { type = "text", nullable = false }
customer_id = { type = "text" }
ordered_at = { type = "timestamp", nullable = false }
channel = { type = "text" }
amount = { type = "decimal(12,2)" }
"#;

const METRICS: &str = r#"
[metrics.sales]
description = "Sales of the month"
unit = "€"
table = "raw.list"
numerator = "amount"
time = "ordered_at"
period = "month"
dimensions = ["channel"]

[metrics.web_share]
description = "Share of the orders on the web"
table = "raw.list"
numerator = "channel = 'web'"
denominator = "1"
time = "ordered_at"
period = "month"
dimensions = ["channel"]

[metrics.buyers]
description = "Orders with a customer, ever"
table = "raw.list"
where = "customer_id is not null"
numerator = "1"
time = "ordered_at"
dimensions = ["channel"]

[objectives.more]
description = "More is sold"
metric = "sales"
target = 100
direction = "at_least"
by = "2026-12-31"
"#;

const HEADER: &str = "order_id,customer_id,ordered_at,channel,amount\n";

fn shop() -> Small {
    Small::new(&format!("{SOURCE}{METRICS}"))
}

impl Small {
    fn explained(&self, from: u64, to: u64, question: &Question) -> Explained {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let warehouse = Warehouse::open(&self.warehouse()).await.unwrap();
            let mut sides = Vec::new();
            for number in [from, to] {
                let release = warehouse.release(number).await.unwrap();
                let engine = Engine::new(Request::all().limits, &warehouse).unwrap();
                sides.push((
                    number,
                    Catalog::of_release(warehouse.clone(), engine, &release),
                    release.instant(),
                ));
            }
            let [from, to] = [0, 1].map(|n| {
                let (number, catalog, instant) = &sides[n];
                OfRelease { number: *number, catalog, instant: *instant }
            });
            explain(&from, &to, question).await.unwrap_or_else(|error| panic!("{error}"))
        })
    }
}

fn asked(metric: &str) -> Question {
    Question { metric: metric.to_owned(), ..Question::default() }
}

/// The parts that change something, by name, in millionths.
fn parts(rows: &RecordBatch) -> Vec<(String, i128)> {
    let names = rows.column_by_name("part").unwrap().as_string::<i32>();
    let changes = rows.column_by_name("change").unwrap().as_primitive::<Decimal128Type>();
    (0..rows.num_rows())
        .filter(|row| changes.is_valid(*row) && changes.value(*row) != 0)
        .map(|row| (names.value(row).to_owned(), changes.value(row)))
        .collect()
}

fn ends(rows: &RecordBatch) -> (i128, i128) {
    let values = rows.column_by_name("value").unwrap().as_primitive::<Decimal128Type>();
    (values.value(0), values.value(rows.num_rows() - 1))
}

#[test]
fn what_a_night_said_of_a_month_stays_and_the_same_night_again_says_the_same() {
    let shop = shop();
    shop.put("a.csv", &format!("{HEADER}o1,c1,2026-05-03 10:00,web,10.00\no2,,2026-05-04 10:00,shop,5.50\n"));
    shop.night("2026-06-01");
    shop.put("b.csv", &format!("{HEADER}o3,c2,2026-05-31 10:00,web,4.00\no4,c1,2026-06-02 10:00,,8.00\n"));
    shop.night("2026-06-15");
    let said = "select cast(as_of as date) as night, period, is_complete, dimension, dimension_value, rows_counted, value, release \
                from mart.metrics where metric = 'sales' order by as_of, period, dimension, dimension_value";
    let all = shop.stored(said);
    assert_eq!(
        all,
        [
            "2026-05-31 2026-05-01 true all all 2 15.500000 1",
            "2026-05-31 2026-05-01 true channel shop 1 5.500000 1",
            "2026-05-31 2026-05-01 true channel web 1 10.000000 1",
            // What came later is told by the later night.
            "2026-06-14 2026-05-01 true all all 3 19.500000 2",
            "2026-06-14 2026-05-01 true channel (none) 0 0.000000 2",
            "2026-06-14 2026-05-01 true channel shop 1 5.500000 2",
            "2026-06-14 2026-05-01 true channel web 2 14.000000 2",
            "2026-06-14 2026-06-01 false all all 1 8.000000 2",
            "2026-06-14 2026-06-01 false channel (none) 1 8.000000 2",
            "2026-06-14 2026-06-01 false channel shop 0 0.000000 2",
            "2026-06-14 2026-06-01 false channel web 0 0.000000 2",
        ]
    );
    shop.night("2026-06-15");
    assert_eq!(shop.stored(said), all, "the same night said something else");
    // Where it says something else it takes the place of what it said.
    shop.put("c.csv", &format!("{HEADER}o5,c2,2026-05-31 11:00,web,1.00\n"));
    shop.night("2026-06-15");
    let again = shop.stored(said);
    assert_eq!(again.len(), all.len());
    assert_eq!(again[..3], all[..3]);
    assert_eq!(again[3], "2026-06-14 2026-05-01 true all all 4 20.500000 4");
    assert_eq!(
        shop.stored("select status, summary, value, margin from mart.objectives"),
        [
            "too_early 20.50 € in 2026-05, to be at least 100 € by 2026-12-31: too early for a trend, 11.31 € a month are \
          needed 20.500000 -79.500000"
        ]
    );
}

#[test]
fn why_tells_late_rows_corrections_and_other_customers_from_what_happened() {
    let shop = shop();
    shop.put(
        "2026-05.csv",
        &format!("{HEADER}o1,c1,2026-05-03 10:00,web,10.00\no2,c2,2026-05-04 10:00,shop,20.00\no3,,2026-05-05 10:00,shop,5.00\n"),
    );
    shop.night("2026-06-01");
    shop.put(
        "2026-06.csv",
        &format!(
            "{HEADER}o4,c1,2026-05-20 10:00,web,7.00\no2,c2,2026-05-04 10:00,shop,18.00\no3,c9,2026-05-05 10:00,shop,5.00\n\
             o5,c1,2026-06-03 10:00,web,40.00\no6,c1,2026-06-04 10:00,web,40.00\no7,c3,2026-06-04 10:00,shop,10.00\n"
        ),
    );
    shop.night("2026-07-01");
    let sales = shop.explained(1, 2, &asked("sales"));
    assert_eq!(sales.summary, "sales: 35 € (release 1, 2026-05), 90 € (release 2, 2026-06): +55 €");
    assert_eq!(ends(&sales.rows), (35_000_000, 90_000_000));
    let part = |name: &str, change: i128| (name.to_owned(), change);
    // Restated May is 17 on the web in two orders and 23 in the shop in two: four orders for 40. June has three, of
    // which two on the web: -10 for one less, then a mix of 8.50 and 11.50 each, then what they cost more.
    assert_eq!(
        parts(&sales.rows),
        [
            part("late data", 7_000_000),
            part("corrections", -2_000_000),
            part("volume", -10_000_000),
            part("mix", -1_500_000),
            part("rate", 61_500_000),
        ]
    );
    // An order that got its customer counts by another identity, and by no new order.
    let buyers = shop.explained(1, 2, &asked("buyers"));
    assert_eq!(ends(&buyers.rows), (2_000_000, 7_000_000));
    assert_eq!(
        parts(&buyers.rows),
        [part("late data", 1_000_000), part("merged identities", 1_000_000), part("volume", 3_000_000)]
    );
    // The same month in both: only what is known better by now.
    let may = Question { period: Some("2026-05".to_owned()), ..asked("sales") };
    assert_eq!(
        parts(&shop.explained(1, 2, &may).rows),
        [part("late data", 7_000_000), part("corrections", -2_000_000)]
    );
}

#[test]
fn whatever_a_history_brings_the_parts_add_up_to_what_the_nights_said() {
    let mut draws = Xoshiro256PlusPlus::seed_from_u64(15);
    let shop = shop();
    let nights = ["2026-03-01", "2026-03-15", "2026-04-01", "2026-05-01"];
    for (night, as_of) in nights.iter().enumerate() {
        let mut text = HEADER.to_owned();
        for _ in 0..40 {
            let (order, day, hour) = (draws.gen_range(0..90), draws.gen_range(1..29), draws.gen_range(0..24));
            let month = draws.gen_range(1..=night + 2);
            let customer = ["", "c1", "c2", "c3"][draws.gen_range(0..4)];
            let channel = ["web", "shop", "post", ""][draws.gen_range(0..4)];
            let cents = draws.gen_range(-5_000..20_000);
            let amount = f64::from(cents) / 100.0;
            writeln!(text, "o{order},{customer},2026-{month:02}-{day:02} {hour:02}:00,{channel},{amount:.2}")
                .unwrap();
        }
        shop.put(&format!("2026-{night:02}.csv"), &text);
        shop.night(as_of);
    }
    for (from, to, by_value) in [(1, 2, false), (2, 3, true), (3, 4, false), (1, 4, false), (1, 4, true)] {
        for metric in ["sales", "web_share", "buyers"] {
            let explained = shop.explained(from, to, &Question { by_value, ..asked(metric) });
            let (before, after) = ends(&explained.rows);
            let sum: i128 = parts(&explained.rows).iter().map(|(_, change)| change).sum();
            assert_eq!(before + sum, after, "{metric} from {from} to {to}: {explained:?}");
            let said = |release: u64| {
                shop.stored(&format!(
                    "select cast(value * 1000000 as bigint) from mart.metrics where metric = '{metric}' \
                     and release = {release} and dimension = 'all' and is_complete order by period desc limit 1"
                ))
            };
            assert_eq!(said(from), [before.to_string()], "{metric} in {from}");
            assert_eq!(said(to), [after.to_string()], "{metric} in {to}");
        }
    }
}

#[test]
fn sql_that_does_not_fit_is_refused_before_anything_is_read() {
    for (declared, said) in [
        ("numerator = \"amounts\"", "did you mean `amount`"),
        ("numerator = \"cast(amount as double)\"", "is a float, whose sum depends on the order of rows"),
        ("numerator = \"cast(amount as decimal(18, 6))\"", "and a metric sums at most 4"),
        ("numerator = \"case when ordered_at < now() then 1 end\"", "depends on when the run takes place"),
        ("numerator = \"channel\"", "a metric sums whole numbers and decimals"),
        ("numerator = \"1\"\nwhere = \"amount\"", "and no condition"),
        ("numerator = \"1\"\ndimensions = [\"amount\"]", "which is no dimension"),
        ("numerator = \"1\"\ndimensions = [\"chanel\"]", "did you mean `channel`"),
        ("numerator = \"1\"\ntime = \"channel\"", "which says no time"),
    ] {
        let shop = Small::new(&format!(
            "{SOURCE}[metrics.wrong]\ndescription = \"d\"\ntable = \"raw.list\"\n{declared}\n"
        ));
        shop.put("a.csv", HEADER);
        let error = match shop.try_run(request("2026-06-01")) {
            Ok(_) => panic!("{declared} was taken"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(said), "{declared}: {error}");
        assert!(error.contains("small.toml:"), "{declared} is not at its line: {error}");
    }
}
