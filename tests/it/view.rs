//! The customer seen from all sides: consents by purpose and record, the 360° view, the timeline.
//!
//! One demo is made for all of it. What the night made of the consents is compared with the export,
//! worked out again here from each record's answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use chrono::NaiveDate;

use crate::shop::{query, shelf, sillage};

fn demo(folder: &Path, customers: &str) {
    sillage(["demo", folder.to_str().unwrap(), "--customers", customers]).published();
}

/// The cells of a query's rows, the header aside; no cell asked for here holds a comma.
fn cells(warehouse: &Path, sql: &str) -> Vec<Vec<String>> {
    let text = query(warehouse, sql);
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn number(warehouse: &Path, sql: &str) -> i64 {
    cells(warehouse, sql)[0][0].parse().unwrap()
}

/// What a customer was asked about.
type Asked = (String, String, String);

#[derive(Debug, Clone, PartialEq)]
struct Answer {
    record: String,
    on: NaiveDate,
    granted: bool,
}

/// The answers in the export by customer, channel and purpose.
fn answers(exports: &Path, warehouse: &Path) -> BTreeMap<Asked, Vec<Answer>> {
    let ids: BTreeMap<String, String> = cells(
        warehouse,
        "select source || ':' || record_id, customer_id from core.customer_ids where source in ('card', 'email')",
    )
    .into_iter()
    .map(|row| (row[0].clone(), row[1].clone()))
    .collect();
    let mut answers: BTreeMap<Asked, Vec<Answer>> = BTreeMap::new();
    for line in fs::read_to_string(exports.join("loyalty/consents.csv")).unwrap().lines().skip(1) {
        let cell: Vec<&str> = line.split(';').collect();
        let record = if cell[0].is_empty() {
            format!("email:{}", cell[1].trim().to_lowercase())
        } else {
            format!("card:{}", cell[0])
        };
        let Some(customer) = ids.get(&record) else { continue };
        answers.entry((customer.clone(), cell[2].to_owned(), cell[3].to_owned())).or_default().push(Answer {
            record,
            on: NaiveDate::parse_from_str(cell[5], "%d/%m/%Y").unwrap(),
            granted: cell[4] == "oui",
        });
    }
    answers
}

/// The latest answers of each record until the end of a day.
fn latest(answers: &[Answer], until: NaiveDate) -> BTreeMap<&str, bool> {
    let mut days: BTreeMap<&str, NaiveDate> = BTreeMap::new();
    for answer in answers.iter().filter(|a| a.on <= until) {
        let day = days.entry(&answer.record).or_insert(answer.on);
        *day = answer.on.max(*day);
    }
    let output =
        |record, day| answers.iter().filter(|a| a.record == record && a.on == day).all(|a| a.granted);
    days.into_iter().map(|(record, day)| (record, output(record, day))).collect()
}

#[test]
fn the_demo_is_seen_from_all_sides() {
    let dir = tempfile::tempdir().unwrap();
    demo(dir.path(), "2000");
    let warehouse = dir.path().join("warehouse");
    consents_are_those_of_the_records(dir.path(), &warehouse);
    the_view_is_complete(&warehouse);
    the_timeline_is_in_order(&warehouse);
    contradictions_are_counted(&warehouse);
}

fn consents_are_those_of_the_records(dir: &Path, warehouse: &Path) {
    let answers = answers(&dir.join("exports"), warehouse);
    let mut expected = BTreeMap::new();
    for (asked, of) in &answers {
        for day in of.iter().map(|a| a.on).collect::<BTreeSet<_>>() {
            let output = latest(of, day);
            let refusals = output.values().filter(|granted| !**granted).count();
            expected.insert((asked.clone(), day), (refusals == 0, output.len(), refusals));
        }
    }
    let found = cells(
        warehouse,
        "select customer_id, channel, purpose, cast(valid_from at time zone 'Europe/Paris' as date),
           granted, records, refusals
         from core.consents",
    );
    assert!(found.len() > 5_000, "{} rows", found.len());
    assert_eq!(found.len(), expected.len());
    for row in &found {
        let asked = (row[0].clone(), row[1].clone(), row[2].clone());
        let day: NaiveDate = row[3].parse().unwrap();
        let state = (row[4] == "true", row[5].parse().unwrap(), row[6].parse().unwrap());
        assert_eq!(expected.get(&(asked.clone(), day)), Some(&state), "{asked:?} {day}");
    }

    // The demo has what the rules are for: purposes apart, records that disagree, a lifted no.
    let now: BTreeMap<&Asked, BTreeMap<&str, bool>> =
        answers.iter().map(|(asked, of)| (asked, latest(of, NaiveDate::MAX))).collect();
    let agrees = |asked: &Asked| now.get(asked).is_some_and(|output| output.values().all(|granted| *granted));
    let other = |a: &Asked| (a.0.clone(), a.1.clone(), "profilage".to_owned());
    let offers = || now.keys().filter(|a| a.2 == "promotions");
    assert!(offers().filter(|a| agrees(a) && !agrees(&other(a))).count() > 100);
    assert!(offers().filter(|a| !agrees(a) && agrees(&other(a))).count() > 100);
    let disagree =
        now.values().filter(|output| output.values().any(|g| *g) && output.values().any(|g| !*g)).count();
    assert!(disagree > 20, "{disagree} disagree");

    // Nobody is on a list who said no on any record; the rule of one purpose is not that of another.
    for (audience, channel) in [("win_back", "email"), ("letter_to_the_best", "post")] {
        let listed = cells(
            warehouse,
            &format!("select customer_id from mart.target_lists where audience = '{audience}'"),
        );
        assert!(listed.len() > 20, "{audience}: {} listed", listed.len());
        for person in &listed {
            let asked = (person[0].clone(), channel.to_owned(), "promotions".to_owned());
            assert!(agrees(&asked), "{audience}: {asked:?}");
        }
    }
    let customers = |column: &str| -> BTreeSet<String> {
        let sql = format!("select customer_id from mart.customer_360 where {column}");
        cells(warehouse, &sql).into_iter().map(|row| row[0].clone()).collect()
    };
    for channel in ["email", "phone", "post", "sms"] {
        for (column, purpose) in [("consent", "promotions"), ("profiling", "profilage")] {
            let agreed: BTreeSet<String> = now
                .keys()
                .filter(|a| a.1 == channel && a.2 == purpose && agrees(a))
                .map(|a| a.0.clone())
                .collect();
            assert!(agreed.len() > 100, "{column}_{channel}");
            assert_eq!(customers(&format!("{column}_{channel}")), agreed, "{column}_{channel}");
        }
    }
}

fn the_view_is_complete(warehouse: &Path) {
    let count = |sql: &str| number(warehouse, sql);
    let customers = count("select count(*) from core.customers");
    assert!(customers > 1_500);
    assert_eq!(count("select count(*) from mart.customer_360"), customers);
    assert_eq!(count("select count(distinct customer_id) from mart.customer_360"), customers);
    for table in ["core.customers", "core.interactions", "core.orders", "core.consents"] {
        let sql = format!(
            "select count(*) from {table} o left join mart.customer_360 v on v.customer_id = o.customer_id
             where o.customer_id is not null and v.customer_id is null"
        );
        assert_eq!(count(&sql), 0, "{table}");
    }

    // What every channel counts is what the interactions are, for each customer.
    let channels = ["shop", "web", "email", "phone", "post", "form"];
    let interactions = count("select count(*) from core.interactions");
    let sums: Vec<i64> = channels
        .iter()
        .map(|c| count(&format!("select sum({c}_interactions_total) from mart.customer_360")))
        .collect();
    assert!(sums.iter().all(|sum| *sum > 0), "{sums:?}");
    assert_eq!(sums.iter().sum::<i64>(), interactions);
    assert_eq!(count("select sum(interactions_total) from mart.customer_360"), interactions);
    for channel in channels {
        let sql = format!(
            "select count(*) from mart.customer_360 v
             full join (
               select customer_id, count(*) as n, min(occurred_at) as first_at, max(occurred_at) as last_at,
                 count(*) filter (where occurred_at >= timestamp '2025-06-30T22:00:00Z') as n_365d
               from core.interactions where channel = '{channel}' group by customer_id
             ) as i on i.customer_id = v.customer_id
             where v.{channel}_interactions_total <> coalesce(i.n, 0)
               or v.{channel}_interactions_365d <> coalesce(i.n_365d, 0)
               or (v.{channel}_first_at is distinct from i.first_at)
               or (v.{channel}_last_at is distinct from i.last_at)"
        );
        assert_eq!(count(&sql), 0, "{channel}");
    }

    // Who has not bought is a customer like the others.
    let prospects = count("select count(*) from mart.customer_360 where is_prospect");
    assert!(prospects > 100 && prospects < customers / 2, "{prospects} prospects of {customers}");
    assert_eq!(count("select count(*) from mart.customer_360 where is_prospect <> (orders_total = 0)"), 0);
    assert!(
        count("select count(*) from mart.customer_360 where is_prospect and interactions_total > 0") > 100
    );

    // What happened last is in the timeline; what went wrong is counted there.
    let last = "select count(*) from mart.customer_360 v
         join (select customer_id, max(occurred_at) as at, max(occurred_at) filter (where direction = 'out') as out_at,
                 max(occurred_at) filter (where is_incident) as incident_at
               from mart.timeline group by customer_id) as t on t.customer_id = v.customer_id
         where (v.last_interaction_at is distinct from t.at) or (v.last_out_at is distinct from t.out_at)
           or (v.last_incident_at is distinct from t.incident_at)";
    assert_eq!(count(last), 0);
    let open = count("select count(*) from mart.customer_360 where incident_is_open");
    let recent = count("select count(*) from mart.customer_360 where incidents_90d > 0");
    assert!(0 < open && open < recent, "{open} open of {recent}");
}

fn the_timeline_is_in_order(warehouse: &Path) {
    let count = |sql: &str| number(warehouse, sql);
    assert_eq!(count("select count(*) from mart.timeline"), count("select count(*) from core.interactions"));
    let disorder = "select count(*) from (
           select position, occurred_at,
             row_number() over (partition by customer_id order by position) as nth,
             lag(occurred_at) over (partition by customer_id order by position) as before
           from mart.timeline) as t
         where position <> nth or occurred_at < before";
    assert_eq!(count(disorder), 0);
    // Both ways, every channel, money where money changed hands, nothing of a person.
    let kinds: BTreeSet<String> =
        cells(warehouse, "select distinct channel || '/' || direction || '/' || kind from mart.timeline")
            .into_iter()
            .map(|row| row[0].clone())
            .collect();
    for kind in [
        "shop/in/order",
        "shop/in/return",
        "shop/in/card_opened",
        "web/in/order",
        "web/in/page_view",
        "web/out/delivery",
        "email/out/email_sent",
        "email/in/email_opened",
        "phone/in/call",
        "post/out/letter_sent",
        "form/in/form",
        "form/in/consent_granted",
        "form/in/consent_refused",
        "email/in/consent_refused",
        "web/in/consent_granted",
    ] {
        assert!(kinds.contains(kind), "no {kind} in {kinds:?}");
    }
    assert_eq!(
        count(
            "select count(*) from mart.timeline where (amount is not null) <> (kind in ('order', 'return'))"
        ),
        0
    );
    assert_eq!(
        query(warehouse, "select sum(amount) as amount from mart.timeline"),
        query(warehouse, "select sum(net_amount) as amount from core.orders where customer_id is not null")
    );
    let message = "select count(*) from mart.timeline t join core.customers c on c.customer_id = t.customer_id
         where strpos(coalesce(t.detail, '') || ' ' || coalesce(t.reference, ''), c.last_name) > 0
           or strpos(coalesce(t.detail, '') || ' ' || coalesce(t.reference, ''), c.email) > 0
           or t.reference in (select record_id from core.customer_ids where source in ('card', 'email', 'cookie'))";
    assert_eq!(count(message), 0);
    // Who was kept back got no letter.
    assert_eq!(
        count("select count(*) from mart.timeline where kind = 'letter_sent'"),
        count("select count(*) from core.contacts where channel = 'post' and not is_control")
    );
    assert!(count("select count(*) from core.contacts where is_control") > 0);
}

fn contradictions_are_counted(warehouse: &Path) {
    let columns = [
        "interest_never_bought",
        "favourite_not_declared",
        "city_not_usual_shop",
        "answers_email_only",
        "prefers_email_never_opens",
        "consents_email_never_opens",
        "refuses_email_yet_opens",
        "email_bounces",
        "consent_records_disagree",
    ];
    let customers = number(warehouse, "select count(*) from mart.customer_360");
    for column in columns {
        let sql = format!("select count(*) from mart.customer_360 where {column}");
        let met = number(warehouse, &sql);
        assert!(0 < met && met < customers, "{column}: {met} of {customers}");
        let listed = format!(
            "select count(*) from mart.customer_360
             where {column} <> coalesce(array_has(string_to_array(contradiction_list, ', '), '{column}'), false)"
        );
        assert_eq!(number(warehouse, &listed), 0, "{column}");
    }
    let sum = columns.map(|c| format!("cast({c} as bigint)")).join(" + ");
    let sql = format!("select count(*) from mart.customer_360 where contradictions <> {sum}");
    assert_eq!(number(warehouse, &sql), 0);
}

#[test]
fn the_shipped_night_gives_the_same_bytes_whatever_threads_and_memory() {
    let dir = tempfile::tempdir().unwrap();
    demo(dir.path(), "300");
    let expected = shelf(&dir.path().join("warehouse"));
    assert!(expected.contains_key("timeline") && expected.contains_key("customer_360"));
    for (name, arguments) in [
        ("one_thread", &["--threads", "1"][..]),
        ("eight_threads", &["--threads", "8"]),
        // Two steps may look back at once, each over the whole way from raw to the ledger.
        ("little_memory", &["--threads", "2", "--memory-limit", "256MB"]),
    ] {
        let warehouse = dir.path().join(name);
        let run = ["run", "pipelines/nightly.toml", "--warehouse", warehouse.to_str().unwrap()];
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sillage"))
            .args(run)
            .args(arguments)
            .current_dir(dir.path())
            .env("SILLAGE_DATA", dir.path().join("exports"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(shelf(&warehouse), expected, "{name}");
    }
}
