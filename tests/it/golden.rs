//! Golden records, households and organisations: the right value with its source, whatever the order of the
//! records, and no household for people who only share a block of flats.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::shop::{query, query_of, sillage};

const PIPELINE: &str = r#"
name = "people"
warehouse = "warehouse"
as_of = "2026-01-01"
models = "sql"
[sources.people]
path = "people.csv"
format = "csv"
key = ["source", "record"]
[sources.people.columns]
source = { type = "text", nullable = false }
record = { type = "text", nullable = false }
person = "text"
seen = "date"
first_name = "text"
last_name = "text"
email = "text"
street = "text"
postcode = "text"
[identity]
keys = "channel.keys"
country = "FR"
[golden_record]
records = "channel.persons"
seen_at = "seen"
trust = ["card", "web"]
[golden_record.attributes]
first_name = ["most_frequent", "longest"]
last_name = "most_trusted"
email = ["most_recent", "most_trusted"]
address = { columns = ["street", "postcode"], by = "most_recent" }
"#;

/// A folder with person records whose persons are known, and a warehouse.
struct People {
    folder: tempfile::TempDir,
}

impl People {
    /// Records as lines of CSV: source, record, person, date, first and last name, e-mail, street,
    /// postcode.
    fn of(lines: &[String], sections: &str) -> People {
        let people = People { folder: tempfile::tempdir().unwrap() };
        let path = people.path("people.csv");
        let pipeline = PIPELINE.replace("people.csv", path.to_str().unwrap());
        people.put("people.toml", &format!("{pipeline}{sections}"));
        people.put(
            "sql/channel/persons.sql",
            "select source, record as record_id, seen, first_name, last_name, email, street, postcode from raw.people",
        );
        people.put(
            "sql/channel/keys.sql",
            "select source, record as record_id, 'person' as key_kind, person as key_value from raw.people",
        );
        let header = "source,record,person,seen,first_name,last_name,email,street,postcode\n";
        people.put("people.csv", &format!("{header}{}\n", lines.join("\n")));
        people
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What the run said.
    fn run(&self, arguments: &[&str]) -> String {
        let (pipeline, warehouse) = (self.path("people.toml"), self.path("warehouse"));
        let named = ["run", pipeline.to_str().unwrap(), "--warehouse", warehouse.to_str().unwrap()];
        let ran = sillage(named.iter().chain(arguments)).published();
        ran.stderr + &ran.stdout
    }

    fn query(&self, sql: &str) -> String {
        query(&self.path("warehouse"), sql)
    }
}

fn lines(records: &[&str]) -> Vec<String> {
    records.iter().map(|record| (*record).to_owned()).collect()
}

#[test]
fn every_attribute_has_its_own_survivor_and_names_it() {
    let people = People::of(
        &lines(&[
            "card,1,ada,2020-01-01,Ada,Martin,old@example.org,1 rue Haute,75003",
            "web,1,ada,2024-01-01,ADA,Martine,new@example.org,,75011",
            "web,2,ada,2023-01-01,Adelaide,N/A,,9 av. de Verdun,69003",
            "call,1,bo,2025-01-01,Bo,,no address,,",
            "card,9,nobody,,,,,,",
        ]),
        "",
    );
    let message = people.run(&[]);
    assert!(message.contains("`trust` does not list call: trusted least"), "{message}");
    let golden = people.query(
        "select g.first_name, g.first_name_source || g.first_name_record_id as first, g.last_name,
           g.last_name_source || g.last_name_record_id as last, g.email, g.email_source || g.email_record_id as mail,
           g.street, g.postcode, g.address_source || g.address_record_id as address, g.records
         from core.golden_records g join core.customer_ids i using (customer_id)
         where i.source || i.record_id in ('card1', 'call1', 'card9') order by i.record_id desc, i.source desc",
    );
    assert_eq!(
        golden,
        "first_name,first,last_name,last,email,mail,street,postcode,address,records\n\
         ,,,,,,,,,1\n\
         Ada,card1,Martin,card1,new@example.org,web1,9 av. de Verdun,69003,web2,3\n\
         Bo,call1,,,,,,,,1\n"
    );
}

/// A record: source, number, person, year, first name, e-mail, street, postcode; what is not said is
/// empty.
type Record = (u8, u8, u8, u16, String, String, String, String);

fn record() -> impl Strategy<Value = Record> {
    let word = |pattern: &'static str| prop_oneof![Just(String::new()), pattern.prop_map(|text| text)];
    (
        0..3_u8,
        0..6_u8,
        0..4_u8,
        2000..2004_u16,
        word("[AB][a-c]{2}"),
        word("[a-c]{2}@x[.]example"),
        word("[1-3] rue [A-C]{3}"),
        word("7500[1-3]"),
    )
}

proptest! {
    // Each case runs the binary.
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_golden_value_is_the_value_of_one_of_the_customers_records(
        drawn in prop::collection::btree_map((0..3_u8, 0..6_u8), record(), 1..16)
    ) {
        let line = |((source, number), r): (&(u8, u8), &Record)| {
            let source = ["card", "web", "call"][usize::from(*source)];
            format!("{source},{number},p{},{}-05-05,{},Martin,{},{},{}", r.2, r.3, r.4, r.5, r.6, r.7)
        };
        let straight: Vec<String> = drawn.iter().map(line).collect();
        let mut turned = straight.clone();
        turned.reverse();
        let all = |lines: &[String]| {
            let people = People::of(lines, "");
            people.run(&[]);
            // Every value is that of the record named as its source, which is the customer's own, and none is
            // left out that some record says.
            let wrong = |(attribute, column): (&str, &str)| {
                format!(
                    "select '{column}' from core.golden_records g
                     left join core.customer_ids i on i.customer_id = g.customer_id
                       and i.source = g.{attribute}_source and i.record_id = g.{attribute}_record_id
                     left join channel.persons p on p.source = i.source and p.record_id = i.record_id
                     where g.{column} is not null and g.{column} is distinct from p.{column}
                     union all
                     select 'no {column}' from core.golden_records g
                     join core.customer_ids i on i.customer_id = g.customer_id
                     join channel.persons p on p.source = i.source and p.record_id = i.record_id
                     where g.{attribute}_source is null and p.{column} is not null"
                )
            };
            let columns = [("first_name", "first_name"), ("email", "email"), ("address", "street"), ("address", "postcode")];
            let wrong = columns.map(wrong).join(" union all ");
            let customers = "select count(distinct customer_id) from core.customer_ids";
            let found = people.query(&format!(
                "select (select count(*) from ({wrong})) as wrong, count(*) = ({customers}) as complete from core.golden_records"
            ));
            assert_eq!(found, "wrong,complete\n0,true\n");
            people.query("select * from core.golden_records order by customer_id")
        };
        prop_assert_eq!(all(&straight), all(&turned));
    }
}

#[test]
fn who_shares_name_and_address_lives_together_and_a_block_of_flats_does_not() {
    let mut records = lines(&[
        "card,1,p1,2020-01-01,Anne,Dupont,,12 bis rue de la Paix,75003",
        "card,2,p2,2020-01-01,Paul,DUPONT,,12bis R. de la Paix,75003",
        "card,3,p3,2020-01-01,Lise,Dupont-Martin,,12 bis rue de la Paix,75003",
        "card,4,p4,2020-01-01,Marc,Martin,,12 bis rue de la Paix,75003",
        "card,5,p5,2020-01-01,Zoé,Dupont,,12 bis rue de la Paix,69003",
        "card,6,p6,2020-01-01,Yann,Leroy,,12 bis rue de la Paix,75003",
        "card,7,p7,2020-01-01,Eve,Dupont,,,75003",
    ]);
    records.extend((0..5000).map(|n| format!("web,{n},w{n},2020-01-01,Max,Morel,,1 place du Marché,33000")));
    let rules = "[households]\nrules = [{ same = [\"last_name\", \"address\"] }, \
                 { same = [\"address\"], shares_word = \"last_name\" }]\n";
    let people = People::of(&records, rules);
    let message = people.run(&[]);
    assert!(message.contains("1 households of several customers, 4 customers in them"), "{message}");
    // By either rule.
    assert!(message.contains("2 names at one address are shared by more than 8"), "{message}");
    let found = people.query(
        "select i.record_id, h.members, h.rule from core.households h join core.customer_ids i using (customer_id)
         where i.source = 'card' order by i.record_id",
    );
    let members: Vec<&str> = found.lines().skip(1).collect();
    assert_eq!(
        members,
        [
            "1,4,\"last_name, address\"",
            "2,4,\"last_name, address\"",
            "3,4,\"address, a word of last_name\"",
            "4,4,\"address, a word of last_name\"",
            "5,1,",
            "6,1,",
            "7,1,"
        ]
    );
    let counts = people.query(
        "select count(*) as customers, count(distinct household_id) as households,
           count(*) filter (where position = 1) as letters from core.households",
    );
    assert_eq!(counts, "customers,households,letters\n5007,5004,5004\n");
}

#[test]
fn a_household_keeps_its_id_while_its_smallest_member_stays() {
    let rules = "[households]\n";
    let at_home = |n: u8| format!("card,{n},p{n},2020-01-01,Anne,Dupont,,{} rue Haute,75003", n / 3);
    let all: Vec<String> = (0..9).map(at_home).collect();
    let households = |records: &[String], arguments: &[&str]| -> BTreeMap<String, String> {
        let people = People::of(records, rules);
        people.run(arguments);
        let rows = people.query("select customer_id, household_id from core.households");
        rows.lines().skip(1).map(|l| l.split_once(',').unwrap()).map(|(c, h)| (c.into(), h.into())).collect()
    };
    let before = households(&all, &["--threads", "1"]);
    assert_eq!(before.values().collect::<BTreeSet<_>>().len(), 3);
    let turned: Vec<String> = all.iter().rev().cloned().collect();
    assert_eq!(households(&turned, &["--threads", "4"]), before);
    // Of every household somebody leaves who is not its smallest member.
    let mut smallest: BTreeMap<&str, &str> = BTreeMap::new();
    for (customer, household) in &before {
        smallest.entry(household).or_insert(customer);
    }
    let (mut gone, mut stay) = (BTreeSet::new(), Vec::new());
    for record in &all {
        let id = households(std::slice::from_ref(record), &[]).into_keys().next().unwrap();
        let household = &before[&id];
        if smallest[household.as_str()] == id || !gone.insert(household.clone()) {
            stay.push(record.clone());
        }
    }
    assert_eq!(stay.len(), 6);
    for (customer, household) in households(&stay, &[]) {
        assert_eq!(household, before[&customer]);
    }
}

#[test]
fn the_limit_of_memory_changes_no_value() {
    let records: Vec<String> = (0..60_000)
        .map(|n| {
            let (person, year) = (n % 18_000, 2000 + n % 25);
            format!(
                "web,{n},p{person},{year}-01-01,Ada{},Martin{},a{n}@x.example,{} rue Haute,75003",
                n % 7,
                person / 3,
                person / 2
            )
        })
        .collect();
    let people = People::of(&records, "[households]\n");
    people.run(&["--threads", "4"]);
    let all = "select * from core.golden_records g join core.households h using (customer_id) order by g.customer_id";
    let plenty = people.query(all);
    assert_eq!(plenty.lines().count(), 18_001);
    let narrow = people.path("narrow");
    sillage([
        "run",
        people.path("people.toml").to_str().unwrap(),
        "--warehouse",
        narrow.to_str().unwrap(),
        "--threads",
        "1",
        "--memory-limit",
        "16MB",
    ])
    .published();
    assert!(query_of(&narrow, all, &[]) == plenty);
}

/// The demo's folder, with its night.
fn demo(customers: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    sillage(["demo", dir.path().to_str().unwrap(), "--customers", customers]).published();
    dir
}

fn count(warehouse: &Path, sql: &str) -> i64 {
    let text = query(warehouse, &format!("select count(*) as n from ({sql})"));
    text.lines().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_demo_finds_its_key_accounts_and_their_contacts() {
    use arrow::array::AsArray;
    use datafusion::prelude::{ParquetReadOptions, SessionContext};

    let dir = demo("1500");
    let warehouse = dir.path().join("warehouse");
    let context = SessionContext::new();
    let truth = |name: &str| dir.path().join(format!("truth/{name}.parquet"));
    for (name, sql) in [
        ("ids", "select record_id, organisation_id from core.organisation_ids"),
        ("customers", "select source, record_id, customer_id from core.customer_ids"),
        ("contacts", "select organisation_id, customer_id from core.organisation_contacts"),
    ] {
        let file = dir.path().join(format!("{name}.parquet"));
        let place = ["--warehouse", warehouse.to_str().unwrap(), "-o", file.to_str().unwrap()];
        sillage([&["query", sql][..], &place].concat()).published();
        context.register_parquet(name, file.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
    }
    for name in ["organisations", "keys"] {
        let file = truth(name);
        context
            .register_parquet(format!("true_{name}"), file.to_str().unwrap(), ParquetReadOptions::default())
            .await
            .unwrap();
    }
    let number = async |sql: &str| {
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        batches[0].column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0)
    };
    // One organisation found for one that was planted, over all their records.
    let same = "true_organisations t join ids i on i.record_id = t.record";
    let records = number("select count(*) from true_organisations").await;
    assert!(records > 20, "{records}");
    assert_eq!(number(&format!("select count(*) from {same}")).await, records);
    let pairs =
        number(&format!("select count(*) from (select distinct organisation, organisation_id from {same})"))
            .await;
    assert_eq!(pairs, 15);
    assert_eq!(number(&format!("select count(distinct organisation_id) from {same}")).await, 15);
    // Every contact is a customer of ours, at that organisation, once.
    let planted = number("select count(distinct person_id) from true_keys where key_kind = 'contact'").await;
    assert!(planted > 30, "{planted}");
    assert_eq!(number("select count(*) from contacts").await, planted);
    // Most are one with the customer they are elsewhere.
    let known = number(
        "select count(distinct t.person_id) from true_keys t
         join customers c on c.source = 'contact' and c.record_id = t.key_value and t.key_kind = 'contact'
         join customers o on o.customer_id = c.customer_id and o.source <> 'contact'",
    )
    .await;
    assert!(known * 10 >= planted * 9, "{known} of {planted}");

    // Trusted sources go first, and every value is its record's.
    let golden = "core.golden_records g join core.customer_ids i using (customer_id)
         join channel.persons p on p.source = i.source and p.record_id = i.record_id";
    assert!(count(&warehouse, "select 1 from core.golden_records where last_name_source = 'account'") > 100);
    assert_eq!(
        count(
            &warehouse,
            &format!(
                "select 1 from {golden} where p.source = 'card' and p.last_name is not null and g.last_name_source <> 'card'"
            )
        ),
        0
    );
    assert_eq!(
        count(&warehouse, &format!("select 1 from {golden} where p.source = g.address_source and p.record_id = g.address_record_id
          and ((p.street is distinct from g.street) or (p.postcode is distinct from g.postcode) or (p.city is distinct from g.city))")),
        0
    );
    assert!(count(&warehouse, "select 1 from core.households where members = 2") > 50);
}
