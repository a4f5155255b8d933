//! The portfolio of customers on random histories: the demo's SQL against plain Rust, and movements that add up.
//!
//! `SILLAGE_MOVEMENTS=500` tries that many histories (twenty without it).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::shop::{CommandResult, copy_folder};

/// The last month that is over.
const LAST: i32 = 2026 * 12 + 5;
const AS_OF: &str = "2026-07-01";
/// Months until then in which anything is bought.
const MONTHS: i32 = 40;
/// What a piece costs, in cents.
const UNIT_COST: i64 = 250;

/// A line of an order: whose, in which month (counted from the year 0), how many pieces, for how many cents.
struct Line {
    customer: usize,
    month: i32,
    day: u32,
    quantity: i64,
    net: i64,
}

impl Line {
    fn margin(&self) -> i64 {
        self.net - self.quantity * UNIT_COST
    }
}

struct History {
    lines: Vec<Line>,
}

/// A row of `mart.customer_movements`.
struct Movement {
    customer: usize,
    month: i32,
    category: &'static str,
    before: i64,
    after: i64,
}

impl History {
    fn drawn(draws: &mut Xoshiro256PlusPlus) -> History {
        let (customers, lines) = (draws.gen_range(1..5), draws.gen_range(0..25));
        let line = |_| {
            let is_return = draws.gen_bool(0.2);
            let quantity = draws.gen_range(1..4) * if is_return { -1 } else { 1 };
            Line {
                customer: draws.gen_range(0..customers),
                // Some in the month that is not over.
                month: LAST + 1 - draws.gen_range(0..MONTHS),
                day: draws.gen_range(1..29),
                quantity,
                net: quantity * draws.gen_range(100..2_000),
            }
        };
        History { lines: (0..lines).map(line).collect() }
    }

    /// What a customer is worth at the end of a month; `None` for who is not of the portfolio.
    fn worth(&self, customer: usize, month: i32) -> Option<i64> {
        let held = |line: &&Line| line.customer == customer && (month - 11..=month).contains(&line.month);
        let held: Vec<i64> = self.lines.iter().filter(held).map(Line::margin).collect();
        (!held.is_empty()).then(|| held.iter().sum())
    }

    fn customers(&self) -> BTreeSet<usize> {
        self.lines.iter().map(|line| line.customer).collect()
    }

    fn movements(&self) -> Vec<Movement> {
        let mut movements = Vec::new();
        for customer in self.customers() {
            let bought: BTreeSet<i32> =
                self.lines.iter().filter(|line| line.customer == customer).map(|line| line.month).collect();
            let first = bought.first().copied().unwrap();
            for month in first..=LAST {
                if !bought.contains(&month) && !bought.contains(&(month - 12)) {
                    continue;
                }
                let (was, is) = (self.worth(customer, month - 1), self.worth(customer, month));
                let (before, after) = (was.unwrap_or(0), is.unwrap_or(0));
                let category = match (was, is) {
                    _ if month == first => "won",
                    (None, _) => "returned",
                    (_, None) => "lost",
                    _ if after > before => "grown",
                    _ if after < before => "shrunk",
                    _ => "unchanged",
                };
                movements.push(Movement { customer, month, category, before, after });
            }
        }
        movements
    }

    fn lines_csv(&self) -> String {
        let mut text =
            "order_id, line_no, customer_id, ordered_at, product_id, quantity, net_amount\n".to_owned();
        for (n, line) in self.lines.iter().enumerate() {
            let Line { customer, day, quantity, net, .. } = line;
            let at = format!("{}-{day:02} 10:00", &day_of(line.month)[..7]);
            writeln!(text, "o{n}, 1, c{customer}, {at}, p, {quantity}, {}", euros(*net)).unwrap();
        }
        text
    }
}

fn day_of(month: i32) -> String {
    format!("{}-{:02}-01", month / 12, month % 12 + 1)
}

fn euros(cents: i64) -> String {
    format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100)
}

const CATEGORIES: [&str; 5] = ["won", "returned", "grown", "shrunk", "lost"];

/// Customers and cents by month and category, of every month from the first movement to the last.
fn totals(movements: &[Movement]) -> BTreeMap<i32, BTreeMap<&'static str, (i64, i64)>> {
    let months = movements.iter().map(|movement| movement.month);
    let (Some(first), Some(last)) = (months.clone().min(), months.max()) else { return BTreeMap::new() };
    let mut totals: BTreeMap<i32, BTreeMap<&str, (i64, i64)>> =
        (first..=last).map(|month| (month, CATEGORIES.map(|category| (category, (0, 0))).into())).collect();
    for Movement { month, category, before, after, .. } in movements {
        if let Some(total) = totals.get_mut(month).and_then(|of_month| of_month.get_mut(category)) {
            *total = (total.0 + 1, total.1 + after - before);
        }
    }
    totals
}

/// Each movement in one value of each dimension.
fn splits(movements: &[Movement]) -> String {
    let mut text = "month, category, dimension, dimension_value, customers, amount\n".to_owned();
    for Movement { month, category, before, after, .. } in movements {
        for dimension in ["segment", "cohort", "first_channel"] {
            if *category != "unchanged" {
                let amount = euros(after - before);
                writeln!(text, "{}, {category}, {dimension}, x, 1, {amount}", day_of(*month)).unwrap();
            }
        }
    }
    text
}

/// A test of a model: what it is given, what it is to make.
fn case(text: &mut String, n: usize, given: &[(&str, &str)], expected: &str) {
    write!(text, "\n[[test]]\nname = \"history {n}\"\n").unwrap();
    for (table, rows) in given {
        write!(text, "given.\"{table}\" = \"\"\"\n{rows}\"\"\"\n").unwrap();
    }
    match expected.lines().count() {
        1 => text.push_str("expect = []\n"),
        _ => write!(text, "expect = \"\"\"\n{expected}\"\"\"\n").unwrap(),
    }
}

#[test]
fn movements_are_those_of_plain_rust_and_lead_from_one_month_to_the_next() {
    let asked: usize = std::env::var("SILLAGE_MOVEMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let mut draws = Xoshiro256PlusPlus::seed_from_u64(15);
    let header = || format!("as_of = \"{AS_OF}\"\n");
    let (mut moved, mut total, mut portfolio) = (header(), header(), header());
    let products = format!("product_id, unit_cost\np, {}\n", euros(UNIT_COST));
    let mut seen = BTreeSet::new();
    for n in 0..asked {
        let history = History::drawn(&mut draws);
        let lines = history.lines_csv();
        let movements = history.movements();
        seen.extend(movements.iter().map(|movement| movement.category));
        let mut rows = "customer_id, month, category, value_before, value_after, amount\n".to_owned();
        for Movement { customer, month, category, before, after } in &movements {
            let amounts = [*before, *after, after - before].map(euros).join(", ");
            writeln!(rows, "c{customer}, {}, {category}, {amounts}", day_of(*month)).unwrap();
        }
        case(
            &mut moved,
            n,
            &[("core.order_lines", lines.as_str()), ("core.products", products.as_str())],
            &rows,
        );
        let mut totalled = "month, category, customers, amount\n".to_owned();
        let mut made =
            "month, customers_before, customers_after, value_before, value_after, split_difference\n"
                .to_owned();
        for (month, of_month) in totals(&movements) {
            for (category, (customers, cents)) in &of_month {
                writeln!(totalled, "{}, {category}, {customers}, {}", day_of(month), euros(*cents)).unwrap();
            }
            let worth = |month: i32| -> Vec<i64> {
                history.customers().iter().filter_map(|customer| history.worth(*customer, month)).collect()
            };
            let (was, is) = (worth(month - 1), worth(month));
            let (before, after): (i64, i64) = (was.iter().sum(), is.iter().sum());
            let change: i64 = of_month.values().map(|(_, cents)| cents).sum();
            assert_eq!(before + change, after, "history {n}, {}", day_of(month));
            let (counts, amounts) =
                (format!("{}, {}", was.len(), is.len()), [before, after].map(euros).join(", "));
            writeln!(made, "{}, {counts}, {amounts}, 0", day_of(month)).unwrap();
        }
        case(&mut total, n, &[("mart.customer_movements", rows.as_str())], &totalled);
        let given: [(&str, &str); 4] = [
            ("core.order_lines", &lines),
            ("core.products", &products),
            ("mart.portfolio_movement", &totalled),
            ("mart.portfolio_splits", &splits(&movements)),
        ];
        case(&mut portfolio, n, &given, &made);
    }
    assert!(CATEGORIES.iter().all(|category| seen.contains(category)), "{seen:?}");
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for part in ["pipelines/nightly", "sql/nightly"] {
        copy_folder(&root.join(part), &folder.path().join(part));
    }
    std::fs::copy(root.join("pipelines/nightly.toml"), folder.path().join("pipelines/nightly.toml")).unwrap();
    for (model, tests) in
        [("customer_movements", moved), ("portfolio_movement", total), ("portfolio", portfolio)]
    {
        std::fs::write(folder.path().join(format!("sql/nightly/mart/{model}.test.toml")), tests).unwrap();
    }
    let models = "mart.customer_movements,mart.portfolio_movement,mart.portfolio";
    let mut tried = Command::new(env!("CARGO_BIN_EXE_sillage"));
    tried.args(["test", "pipelines/nightly.toml", "--select", models]).current_dir(folder.path());
    let ended = CommandResult::of(tried.output().unwrap());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains(&(3 * asked).to_string()), "{}", ended.stdout);
}
