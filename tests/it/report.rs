//! The report: one page of what the tables say, in English and in French, with nothing about a person.
//!
//! The tables here are written down in the test, so that what has to stand in the page is known; the values are real ones.

use std::collections::BTreeSet;
use std::fs;

use crate::project::Project;
use crate::value::{PIPELINE, project};

const METRICS: &str = r#"
[metrics.margin]
description = "Margin of the month"
unit = "€"
table = "core.orders"
numerator = "margin"
time = "day"
period = "month"

[metrics.large_orders]
description = "Share of orders above 30"
table = "core.orders"
numerator = "margin > 30"
denominator = "1"
time = "day"
period = "month"

[objectives.more]
description = "Twice the margin"
metric = "margin"
target = 100000
direction = "at_least"
by = "2026-12-31"

[objectives.few_large]
description = "Never more than half large"
metric = "large_orders"
target = 0.5
direction = "at_most"
"#;

const MOVEMENT: &str = "
    select * from (values
      (date '2026-05-01', 'won', 40, 4000.0), (date '2026-05-01', 'returned', 2, 77.25),
      (date '2026-05-01', 'grown', 100, 1500.0), (date '2026-05-01', 'shrunk', 90, -1200.0),
      (date '2026-05-01', 'lost', 50, -2500.0),
      (date '2026-06-01', 'won', 30, 3000.0), (date '2026-06-01', 'returned', 10, 500.0),
      (date '2026-06-01', 'grown', 80, 900.0), (date '2026-06-01', 'shrunk', 95, -1100.0),
      (date '2026-06-01', 'lost', 45, -2000.0)
    ) as rows (month, category, customers, amount)";

const PORTFOLIO: &str = "
    select * from (values (date '2026-05-01', 2000, 1234567.0), (date '2026-06-01', 1995, 1235867.0))
    as rows (month, customers_after, value_after)";

const SPLITS: &str = "
    select * from (values
      (date '2026-06-01', 'won', 'segment', 'frequent buyers', 30, 3000.0),
      (date '2026-06-01', 'lost', 'segment', 'rare buyers', 45, -2000.0),
      (date '2026-06-01', 'grown', 'segment', 'the one and only', 1, 98765.0),
      (date '2026-06-01', 'grown', 'segment', 'middling buyers', 10, 120.0),
      (date '2026-06-01', 'won', 'first_channel', 'boutique', 30, 1000.0),
      (date '2026-06-01', 'lost', 'cohort', '2025-Q1', 45, -2000.0)
    ) as rows (month, category, dimension, dimension_value, customers, amount)";

const BRIDGE: &str = "
    select * from (values
      ('all', 1, 'sales', 'revenue', 10000.0, 9000.0, 500.0, 500.0),
      ('all', 2, 'discounts', 'revenue', -1000.0, -1000.0, 0.0, 0.0),
      ('all', 5, 'product_cost', 'goods', -4000.0, -4000.0, 0.0, 0.0),
      ('all', 6, 'delivery', 'service', -6000.0, -6000.0, 0.0, 0.0),
      ('2026', 1, 'sales', 'revenue', 7000.0, 7000.0, 0.0, 0.0)
    ) as rows (period, position, account, activity, amount, of_customers, of_organisations, unallocated)";

const PROFITS: &str = "
    select concat('c', cast(n as varchar)) as customer_id, 'all' as period,
      cast(case when n <= 20 then -7.5 else 10 end as decimal(18, 2)) as profit
    from (select unnest(generate_series(1, 200)) as n) as numbers";

const UNPROFITABLE: &str = "
    select * from (
      select concat('c', cast(n as varchar)) as customer_id,
        cast(case when n = 20 then -4321.0 else -7.5 end as decimal(18, 2)) as profit,
        case when n <= 12 then 'returns' when n < 20 then 'contacts' else 'rewards' end as driver,
        n <= 8 as one_change_is_enough, cast(9 as decimal(18, 2)) as change_gain
      from (select unnest(generate_series(1, 20)) as n) as numbers
    ) as rows";

const REWARDS: &str = "
    select * from (values
      ('reward', 'cheques', 500, 5000.0, 100, 1250.0, 0.0, 0.25),
      ('discount', 'discounts', 900, 1000.0, 2, 31.5, 12.0, 0.0315)
    ) as rows (kind, programme, customers, amount, customers_without_profit, amount_without_profit, amount_to_unknown,
      share_without_profit)";

const PAYBACK: &str = "
    select * from (values
      ('letters', date '2026-01-01', true, 100, 1000.0, 3000.0, 4),
      ('letters', date '2026-02-01', true, 80, 800.0, 400.0, null),
      ('web', date '2026-01-01', null, 3, 60.0, 4242.0, 0),
      ('leaflets', date '2026-01-01', false, 60, 900.0, 1000.0, 6)
    ) as rows (acquisition_channel, cohort, is_targeted, customers, cost, brought, payback_month)";

const RETENTION: &str = "
    select * from (values
      ('all', date '2026-01-01', 0, 103, 103, 1.0), ('all', date '2026-01-01', 1, 103, 41, 0.4),
      ('letters', date '2026-01-01', 0, 100, 100, 1.0), ('letters', date '2026-01-01', 1, 100, 40, 0.4),
      ('letters', date '2026-01-01', 2, 100, 35, 0.35), ('web', date '2026-01-01', 0, 3, 3, 1.0)
    ) as rows (acquisition_channel, cohort_month, months_since, customers, active_customers, retention)";

const EFFECT: &str = "
    select * from (values
      ('all', 'all', 300, 0.6, 12.5, 3750.0), ('segment', 'frequent buyers', 100, 0.8, 20.0, 2000.0),
      ('segment', 'rare buyers', 200, null, null, null), ('acquisition_channel', 'letters', 300, 0.6, 12.5, 3750.0)
    ) as rows (dimension, dimension_value, customers, retention, effect_per_customer, effect)";

const WAITING: &str = "
    select * from (values
      ('last 365 days', '1', 40, 60, 95.4, 200, 0.75, 1.25), ('last 365 days', '2', 30, 40, 130.0, 250, 0.5, 1.5),
      ('last 365 days', 'never bought', 3, 4, 868.0, 900, 0.5, 1.0),
      ('last 365 days', 'unknown', 12, 14, 88.0, 90, null, null), ('all', '1', 90, 99, 90.0, 90, 0.5, 1.0)
    ) as rows (period, value_decile, callers, calls, waited_s_mean, waited_s_p90, share_resolved, calls_per_issue)";

/// Tables with their keys.
const TABLES: [(&str, &str, &str); 11] = [
    ("mart.portfolio_movement", "month, category", MOVEMENT),
    ("mart.portfolio", "month", PORTFOLIO),
    ("mart.portfolio_splits", "month, category, dimension, dimension_value", SPLITS),
    ("mart.profit_bridge", "period, position", BRIDGE),
    ("mart.customer_profit", "customer_id, period", PROFITS),
    ("mart.unprofitable_customers", "customer_id", UNPROFITABLE),
    ("mart.reward_audit", "kind, programme", REWARDS),
    ("mart.acquisition_payback", "acquisition_channel, cohort", PAYBACK),
    ("mart.cohort_retention", "acquisition_channel, cohort_month, months_since", RETENTION),
    ("mart.retention_effect", "dimension, dimension_value", EFFECT),
    ("mart.waiting_by_value", "period, value_decile", WAITING),
];

/// Names of data, and words that are the same in both languages.
const NAMES: [&str; 10] = [
    "Never more than half large",
    "Twice the margin",
    "boutique",
    "cheques",
    "frequent buyers",
    "letter",
    "letters",
    "rare buyers",
    "Programme",
    "Segment",
];

/// A project with every table that the sections about money show.
fn everything() -> Project {
    let project = project(&format!("{PIPELINE}{METRICS}"));
    project.properties("core.orders", "time = \"day\"\nkey = [\"customer_id\", \"day\"]\n");
    for (table, key, sql) in TABLES {
        with_key(&project, table, key, sql);
    }
    // One promise is kept before the night that judges it.
    project.run(&["--as-of", "2025-12-15"]).published();
    project.run(&[]).published();
    project
}

/// Puts the model of a table there, and its key.
fn with_key(project: &Project, table: &str, key: &str, sql: &str) {
    let columns: Vec<String> = key.split(", ").map(|column| format!("\"{column}\"")).collect();
    project.model(table, sql);
    project.properties(table, &format!("key = [{}]\n", columns.join(", ")));
}

fn page(project: &Project, arguments: &[&str]) -> String {
    let file = project.path().join("page.html");
    let all = [&["report", "-o", file.to_str().unwrap()], arguments].concat();
    project.verb(&all).published();
    fs::read_to_string(file).unwrap()
}

/// Texts of the page that are not marked as another language's: between tags, and in attributes that are read out.
fn texts(page: &str) -> Vec<String> {
    let body = page.split("<body>").nth(1).unwrap().split("</body>").next().unwrap();
    let (mut open, mut texts): (Vec<(&str, bool)>, Vec<String>) = (Vec::new(), Vec::new());
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        let name = tag.split([' ', '/']).find(|word| !word.is_empty()).unwrap();
        let is_foreign = |open: &[(&str, bool)]| open.last().is_some_and(|(_, foreign)| *foreign);
        if tag.starts_with('/') {
            assert_eq!(open.pop().map(|(name, _)| name), Some(name), "closed in order");
        } else if name != "br" {
            let foreign = is_foreign(&open) || tag.contains(" lang=\"en\"");
            open.push((name, foreign));
            for attribute in [" aria-label=\"", " title=\""] {
                texts.extend(
                    tag.split(attribute).nth(1).map(|rest| rest.split('"').next().unwrap().to_owned()),
                );
            }
        }
        if !is_foreign(&open) && !text.trim().is_empty() {
            texts.push(text.trim().to_owned());
        }
    }
    assert!(open.is_empty(), "all is closed: {open:?}");
    texts
}

/// The part of a page that is a section.
fn section<'p>(page: &'p str, anchor: &str) -> &'p str {
    page.split(&format!("<section id=\"{anchor}\"")).nth(1).unwrap().split("</section>").next().unwrap()
}

#[test]
fn the_page_says_what_the_tables_say_in_the_numbers_of_its_language() {
    let project = everything();
    let english = page(&project, &[]);
    assert_eq!(page(&project, &["--threads", "1"]), english, "the same bytes whatever the threads");
    let french = page(&project, &["--language", "fr"]);
    assert!(english.contains("<html lang=\"en\">") && french.contains("<html lang=\"fr\">"));
    for (anchor, told) in [
        (
            "portfolio",
            &["1,235,867", "<dd>1,995</dd>", "frequent buyers", "June\u{a0}2026", "82 customers were won"][..],
        ),
        ("profit", &["−6,000", "Cost of goods", "−1,000", "20 of 200 customers", "10.0%", "150.00", "25.0%"]),
        ("value", &["1, the best", "Promises at past cut-offs", "Promises kept from night to night"]),
        (
            "journey",
            &[
                "10.00",
                "to chosen households",
                "1 of 2",
                "40.0%",
                "all channels",
                "3,750",
                "95\u{a0}s",
                "200\u{a0}s",
            ],
        ),
        ("objectives", &["Twice the margin", "€100,000", "at least", "31\u{a0}December 2026", "50.0%"]),
    ] {
        for text in told {
            let shown = section(&english, anchor);
            assert!(shown.contains(text), "{anchor}: {text}\n{shown}");
        }
    }
    for (anchor, told) in [
        ("portfolio", &["1\u{202f}235\u{202f}867", "juin\u{a0}2026", "82 clients ont été gagnés"][..]),
        ("profit", &["−6\u{202f}000", "Coût des marchandises", "10,0\u{202f}%", "150,00"]),
        ("value", &["1, le meilleur", "valeur moyenne d'un client"]),
        ("journey", &["à des foyers choisis", "1 sur 2", "40,0\u{202f}%"]),
        ("objectives", &["Twice the margin", "100\u{202f}000\u{a0}€", "au moins", "31\u{a0}décembre 2026"]),
    ] {
        for text in told {
            let shown = section(&french, anchor);
            assert!(shown.contains(text), "{anchor}: {text}\n{shown}");
        }
    }
    for page in [&english, &french] {
        assert!(!page.contains("NaN") && !page.contains(">inf") && !page.contains("\"inf"));
        for outside in ["<script", "http:", "https:", "src=", "@import", "url(", "<link"] {
            assert!(!page.contains(outside), "{outside}");
        }
        let ids: Vec<&str> =
            page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    }
}

#[test]
fn no_english_sentence_is_left_in_the_french_page() {
    let project = everything();
    let english: BTreeSet<String> = texts(&page(&project, &[])).into_iter().collect();
    let french = texts(&page(&project, &["--language", "fr"]));
    assert!(french.len() > 300, "{} texts", french.len());
    let has_words = |text: &str| {
        let text = text.replace("&lt;", "");
        text.split(|c: char| !c.is_alphabetic()).any(|word| word.chars().count() > 1)
    };
    let left: BTreeSet<&String> = french
        .iter()
        .filter(|text| has_words(text) && english.contains(*text) && !NAMES.contains(&text.as_str()))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn a_few_customers_are_not_shown_alone() {
    let project = everything();
    for language in ["en", "fr"] {
        let page = page(&project, &["--language", language]);
        // A segment and the one that would tell of it, a driver, a programme's waste, a channel and a month's
        // returners, of fewer than five.
        let few = [
            "the one and only",
            "98765",
            "98,765",
            "4321",
            "4,321",
            "31.50",
            "31,50",
            "4242",
            "4,242",
            "77.25",
            "77,25",
        ];
        for text in few {
            assert!(!page.contains(text), "{language}: {text}");
        }
        // Nobody's number, and nobody's row.
        assert!(!texts(&page).iter().any(|text| text.starts_with('c') && text[1..].parse::<u32>().is_ok()));
        assert!(page.contains("&lt;\u{202f}5"), "what is of a few is said to be so");
    }
}

#[test]
fn a_table_of_the_same_name_that_is_another_is_named_with_its_column() {
    let project = Project::new(
        "as_of = \"2026-07-01\"\n[sources.orders]\npath = \"orders.csv\"\nformat = \"csv\"\nstatic = true\n\
         columns = { id = \"text\", amount = \"text\" }\n",
    );
    project.file("orders.csv", "id,amount\n1,a lot\n");
    let movement = "select id as month, id as category from raw.orders";
    with_key(&project, "mart.portfolio_movement", "month", movement);
    with_key(&project, "mart.profit_bridge", "period, position", BRIDGE);
    with_key(
        &project,
        "mart.reward_audit",
        "kind, programme",
        &REWARDS.replace("1250.0", "'a lot'").replace("31.5, 12.0", "'little', 12.0"),
    );
    project.run(&[]).published();
    let file = project.path().join("page.html");
    let report = |language| {
        let report =
            project.verb(&["report", "-o", file.to_str().unwrap(), "--language", language]).published();
        (report.stderr, fs::read_to_string(&file).unwrap())
    };
    let (warned, english) = report("en");
    let missing = "mart.portfolio_movement does not hold days";
    let other = "the column amount_without_profit of mart.reward_audit does not hold numbers";
    for said in [&warned, &english] {
        assert!(said.contains(missing) && said.contains(other), "{said}");
    }
    assert!(section(&english, "profit").contains("−6,000"), "the other parts are there");
    let (warned, french) = report("fr");
    assert!(
        french.contains("la colonne month de mart.portfolio_movement devrait contenir des jours"),
        "{french}"
    );
    assert!(warned.contains(missing), "the command speaks as it always does: {warned}");

    project.model(
        "mart.portfolio_movement",
        "select date '2026-06-01' as month, 'won' as category, 1 as customers",
    );
    project.run(&[]).published();
    assert!(report("en").1.contains("mart.portfolio_movement has no column amount"));
}

#[test]
fn the_value_of_contracts_is_told_of_contracts() {
    let project = Project::new(
        r#"
        as_of = "2026-07-01"
        [sources.subscribers]
        path = "subscribers.csv"
        format = "csv"
        static = true
        key = ["subscriber"]
        columns = { subscriber = "text", months = "integer", churn = "text", charge = "decimal(12,2)" }
        [value.subscription]
        contracts = { table = "raw.subscribers", id = "subscriber", tenure = "months", ended = "churn = 'yes'", period = "month", margin = "charge" }
        horizon_days = 365
        "#,
    );
    // Of each hundred that began, fewer leave with every month.
    let mut rows = String::from("subscriber,months,churn,charge\n");
    for n in 0..400_u32 {
        let (months, churn) = match n % 20 {
            0..5 => (1, "yes"),
            5..8 => (2, "yes"),
            8..10 => (3, "yes"),
            10 => (5, "yes"),
            _ => (6, "no"),
        };
        rows.push_str(&format!("s{n:03},{months},{churn},{}.00\n", 10 + n % 7));
    }
    project.file("subscribers.csv", rows);
    project.run(&[]).published();
    let shown = page(&project, &["--language", "fr"]);
    let section = section(&shown, "value");
    assert!(
        section.contains("contrats ayant une valeur") && section.contains("Encore en cours"),
        "{section}"
    );
    assert!(!section.contains("class=\"note\""), "{section}");
}
