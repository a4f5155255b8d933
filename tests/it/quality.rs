//! Match quality: the figures equal plain counts, the truth is never read by the linkage, and the report is
//! one self-contained file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sillage::name::StepName;
use sillage::pipeline::{self, placeholder::Placeholders};

use crate::broken_shop;
use crate::linkage::{PIPELINE, seen_again, town};
use crate::shop::{query, shelf};

/// A folder with an export of person records, a truth about them, a pipeline and warehouses.
struct Project {
    folder: tempfile::TempDir,
}

const JUDGED: &str = r#"
[match_quality]
truth = "channel.true_persons"
[sources.truth]
path = "${PEOPLE}/truth.csv"
format = "csv"
[sources.truth.columns]
record = "text"
person = "text"
"#;

impl Project {
    /// Five hundred persons, a third of them twice and three of them torn apart or alike; nobody judges.
    fn new() -> Project {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        let mut lines = town();
        lines.extend(seen_again());
        lines.extend(
            [
                "x1,Louis,,,,,,,",
                "x2,,,,,,,69001,Lyon",
                "x3,Odile,Perrot,1961-02-03,,0240000001,4 quai Nord,44000,Nantes",
                "x4,Odile,Perrot,1961-02-03,,,7 rue Neuve,75001,Paris",
            ]
            .map(str::to_owned),
        );
        let header = "record,first_name,last_name,birth_date,email,phone,street,postcode,city\n";
        project.put("people.csv", &(header.to_owned() + &lines.join("\n") + "\n"));
        project.put(
            "sql/channel/persons.sql",
            "select 'people' as source, record as record_id, * from raw.people",
        );
        project.put(
            "sql/channel/keys.sql",
            "select 'people' as source, record as record_id, 'email' as key_kind, email as key_value
             from raw.people where email is not null",
        );
        project.put("persons.toml", &PIPELINE.replace("people.csv", "${PEOPLE}/people.csv"));
        project
    }

    /// The same with a judge who knows the persons.
    fn judged(truth: &[(String, String)]) -> Project {
        let project = Project::new();
        project.declare(JUDGED);
        project.put(
            "sql/channel/true_persons.sql",
            "select 'people' as source, record as record_id, person from raw.truth",
        );
        project.tell(truth);
        project
    }

    fn tell(&self, truth: &[(String, String)]) {
        let lines: String = truth.iter().map(|(record, person)| format!("{record},{person}\n")).collect();
        self.put("truth.csv", &format!("record,person\n{lines}"));
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn put(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn declare(&self, text: &str) {
        let before = fs::read_to_string(self.path("persons.toml")).unwrap();
        self.put("persons.toml", &(before + text));
    }

    fn sillage(&self, args: &[&str]) -> crate::shop::CommandResult {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.current_dir(self.folder.path()).env("PEOPLE", self.folder.path()).args(args);
        crate::shop::CommandResult::of(command.output().unwrap())
    }

    fn run(&self, more: &[&str]) -> crate::shop::CommandResult {
        self.sillage(&[&["run", "persons.toml"], more].concat())
    }

    fn warehouse(&self) -> PathBuf {
        self.path("warehouse")
    }

    fn ask(&self, sql: &str) -> Vec<Vec<String>> {
        let text = query(&self.warehouse(), sql);
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    fn number(&self, sql: &str) -> f64 {
        self.ask(sql)[0][0].parse().unwrap_or_else(|_| panic!("no number: {sql}"))
    }
}

/// The person of every record: who was seen again is one with their first record.
fn truth() -> Vec<(String, String)> {
    let mut truth: Vec<(String, String)> = town()
        .iter()
        .chain(&seen_again())
        .map(|line| {
            let record = line.split(',').next().unwrap();
            (record.to_owned(), format!("person {}", &record[1..]))
        })
        .collect();
    truth.extend(["x1", "x2"].map(|record| (record.to_owned(), record.to_owned())));
    truth.extend(["x3", "x4"].map(|record| (record.to_owned(), "odile".to_owned())));
    truth
}

/// The bytes of a table's only file.
fn bytes(warehouse: &Path, table: &str) -> Vec<u8> {
    let files: Vec<PathBuf> = fs::read_dir(warehouse.join(table))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "parquet"))
        .collect();
    assert_eq!(files.len(), 1, "{table}");
    Sha256::digest(fs::read(&files[0]).unwrap()).to_vec()
}

#[test]
fn the_truth_changes_no_byte_of_what_is_linked() {
    let truth = truth();
    // Everybody is somebody else.
    let persons: Vec<String> = truth.iter().map(|(_, person)| person.clone()).collect();
    let turned: Vec<(String, String)> = truth
        .iter()
        .zip(persons.iter().cycle().skip(7))
        .map(|((record, _), p)| (record.clone(), p.clone()))
        .collect();
    let (without, with, wrong) = (Project::new(), Project::judged(&truth), Project::judged(&turned));
    without.declare("[match_quality]\n");
    for project in [&without, &with, &wrong] {
        project.run(&["--threads", "1"]).published();
    }
    for table in ["core/customer_ids", "core/match_links", "core/person_records"] {
        let expected = bytes(&without.warehouse(), table);
        assert_eq!(bytes(&with.warehouse(), table), expected, "{table}");
        assert_eq!(bytes(&wrong.warehouse(), table), expected, "{table}");
    }
    let mut marts = [&without, &with, &wrong].map(|project| shelf(&project.warehouse()));
    let accuracy = [1, 2].map(|n| marts[n].remove("match_accuracy").unwrap());
    assert_ne!(accuracy[0], accuracy[1], "the judge does look at the truth");
    assert_eq!(marts[0].len(), 7);
    assert_eq!(marts[0], marts[1]);
    assert_eq!(marts[0], marts[2]);
}

#[test]
fn nothing_that_the_linkage_reads_is_made_from_the_truth() {
    let project = Project::judged(&truth());
    let folder = project.folder.path().to_str().unwrap().to_owned();
    let load = || {
        let placeholders = Placeholders::given([("PEOPLE".to_owned(), folder.clone())]);
        pipeline::load(&project.path("persons.toml"), &placeholders)
    };
    let pipeline = load().unwrap();
    let resolve = StepName::new("core.customer_ids");
    let seen = pipeline.graph.upstream([&resolve]);
    assert!(seen.contains(&StepName::new("channel.persons")), "{seen:?}");
    for step in ["raw.truth", "channel.true_persons", "match_quality"] {
        assert!(pipeline.steps.contains_key(&StepName::new(step)), "{step}");
        assert!(!seen.contains(&StepName::new(step)), "{step}");
    }
    // The step that judges reads what was linked, so it comes after.
    assert!(pipeline.graph.upstream([&StepName::new("match_quality")]).contains(&resolve));

    let persons = "select 'people' as source, record as record_id, * from raw.people";
    let refused = |table: &str, sql: &str, messages: &[&str]| {
        let path = format!("sql/{}.sql", table.replace('.', "/"));
        let before = fs::read_to_string(project.path(&path)).ok();
        project.put(&path, sql);
        let error = load().unwrap_err().to_string();
        for message in messages {
            assert!(error.contains(message), "`{message}` is missing in: {error}");
        }
        project.run(&[]).refused(2, messages);
        match before {
            Some(before) => project.put(&path, &before),
            None => fs::remove_file(project.path(&path)).unwrap(),
        }
    };
    refused(
        "channel.persons",
        "select 'people' as source, record as record_id, p.*, t.person as city
         from raw.people as p left join channel.true_persons as t on t.record_id = p.record",
        &[
            "the linkage would see the truth",
            "channel.true_persons → channel.persons → core.customer_ids",
            "persons.toml:",
        ],
    );
    // Through a model between them, by the key table as well.
    project.put("sql/channel/known.sql", "select record from raw.truth");
    refused(
        "channel.keys",
        "select 'people' as source, record as record_id, 'email' as key_kind, email as key_value
         from raw.people join channel.known using (record)",
        &[
            "the linkage would see what the truth is made from",
            "raw.truth → channel.known → channel.keys → core.customer_ids",
        ],
    );
    fs::remove_file(project.path("sql/channel/known.sql")).unwrap();
    // One source of both could carry the truth in a column.
    refused(
        "channel.true_persons",
        "select 'people' as source, record as record_id, last_name as person from raw.people, raw.truth",
        &["what the truth is made from", "raw.people → channel.keys → core.customer_ids"],
    );
    refused(
        "channel.true_persons",
        "select source, record_id, customer_id as person from core.customer_ids",
        &["is made from what [identity] links", "core.customer_ids → channel.true_persons"],
    );
    assert_eq!(fs::read_to_string(project.path("sql/channel/persons.sql")).unwrap(), persons);
    assert!(load().is_ok());
}

#[test]
fn a_section_that_cannot_be_obeyed_is_reported() {
    let project = Project::judged(&truth());
    let whole = fs::read_to_string(project.path("persons.toml")).unwrap();
    let (head, _) = whole.split_once("[identity]").unwrap();
    project.put("persons.toml", &format!("{head}\n{JUDGED}"));
    project
        .run(&[])
        .refused(2, &["there is no [identity] whose linkage could be judged", "[match_quality] out"]);
    project.put(
        "persons.toml",
        &whole.replace("truth = \"channel.true_persons\"", "truth = \"channel.true_person\""),
    );
    project.run(&[]).refused(
        2,
        &["match_quality reads channel.true_person, which nothing makes", "channel.true_persons"],
    );
    project.put("persons.toml", &whole.replace("[match_quality]\n", "[match_quality]\ntruht = 1\n"));
    project.run(&[]).refused(2, &["unknown key `truht`", "did you mean `truth`?"]);
    project.put("persons.toml", &whole);
    project.put("sql/channel/true_persons.sql", "select record as record_id, person from raw.truth");
    project.run(&[]).refused(2, &["channel.true_persons has no column source", "[match_quality] truth"]);
}

#[test]
fn a_truth_that_contradicts_itself_stops_the_night_and_one_about_others_warns() {
    let mut known_persons = truth();
    known_persons.push(("p001".to_owned(), "somebody else".to_owned()));
    // The same twice is not a contradiction, and who is not known says nothing.
    known_persons.push(("p002".to_owned(), "person 002".to_owned()));
    known_persons.push(("p003".to_owned(), String::new()));
    let project = Project::judged(&known_persons);
    let output =
        project.run(&[]).refused(1, &["channel.true_persons has 1 records with more than one person"]);
    assert!(!output.stderr.contains("somebody else"), "{}", output.stderr);
    known_persons.retain(|(_, person)| person != "somebody else");
    known_persons.push(("nobody".to_owned(), "nobody".to_owned()));
    project.tell(&known_persons);
    let output = project.run(&[]).published();
    assert!(
        output.stderr.contains("1 of the 672 records of channel.true_persons are not in"),
        "{}",
        output.stderr
    );
    assert_eq!(project.number("select count(*) from mart.match_accuracy where measure = 'customers'"), 1.0);
}

type Rates = (u64, u64, u64);

fn measured(project: &Project, measure: &str) -> Vec<(f64, Rates, Vec<f64>)> {
    let sql = format!(
        "select coalesce(match_weight, -1), true_positives, false_positives, false_negatives, precision, recall, f1
         from mart.match_accuracy where measure = '{measure}' order by position"
    );
    let numbers = |row: &Vec<String>, range: std::ops::Range<usize>| -> Vec<f64> {
        row[range].iter().map(|n| n.parse().unwrap_or(f64::NAN)).collect()
    };
    project
        .ask(&sql)
        .iter()
        .map(|row| {
            let counts = numbers(row, 1..4);
            (
                row[0].parse().unwrap(),
                (counts[0] as u64, counts[1] as u64, counts[2] as u64),
                numbers(row, 4..7),
            )
        })
        .collect()
}

/// Every pair of the records, by two loops.
fn pairs<'a>(records: &[&'a str]) -> BTreeSet<(&'a str, &'a str)> {
    let mut pairs = BTreeSet::new();
    for (n, left) in records.iter().enumerate() {
        pairs.extend(records[n + 1..].iter().map(|right| (*left.min(right), *left.max(right))));
    }
    pairs
}

#[test]
fn figures_are_those_of_plain_counting_also_where_the_truth_knows_a_part() {
    // Of every person seen twice with an odd number one record, of the others both.
    let part = |record: &str| {
        record.starts_with('x') || !record.starts_with('q') || !record.ends_with(['1', '3', '5'])
    };
    for keep in [&(|_: &str| true) as &dyn Fn(&str) -> bool, &part] {
        let truth: Vec<(String, String)> = truth().into_iter().filter(|(record, _)| keep(record)).collect();
        let project = Project::judged(&truth);
        project.run(&[]).published();
        let person: HashMap<&str, &str> = truth.iter().map(|(r, p)| (r.as_str(), p.as_str())).collect();
        let found = project.ask("select record_id, customer_id from core.customer_ids");
        let mut records: Vec<&str> = person.keys().copied().collect();
        records.sort_unstable();
        let customer: HashMap<&str, &str> =
            found.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
        let real: BTreeSet<_> = pairs(&records).into_iter().filter(|(a, b)| person[a] == person[b]).collect();
        let made: BTreeSet<_> =
            pairs(&records).into_iter().filter(|(a, b)| customer[a] == customer[b]).collect();
        assert!(real.len() > 100, "{} pairs of the truth", real.len());

        let check = |measured: &(f64, Rates, Vec<f64>), right: usize, found: usize, real: usize| {
            assert_eq!(
                measured.1,
                (right as u64, (found - right) as u64, (real - right) as u64),
                "{measured:?}"
            );
            let (precision, recall) = (right as f64 / found as f64, right as f64 / real as f64);
            let rates = [precision, recall, 2.0 * precision * recall / (precision + recall)];
            for (measured, counted) in measured.2.iter().zip(rates) {
                assert!(
                    (measured - counted).abs() < 1e-12 || measured.is_nan() && counted.is_nan(),
                    "{measured} {counted}"
                );
            }
        };
        check(&measured(&project, "pairs")[0], real.intersection(&made).count(), made.len(), real.len());

        let groups = |of: &HashMap<&str, &str>| -> BTreeSet<Vec<String>> {
            let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for record in &records {
                groups.entry(of[record]).or_default().push((*record).to_owned());
            }
            groups.into_values().collect()
        };
        let (persons, customers) = (groups(&person), groups(&customer));
        let right = persons.intersection(&customers).count();
        check(&measured(&project, "customers")[0], right, customers.len(), persons.len());

        let links = project.ask("select record_id_l, record_id_r, match_weight from core.match_links");
        let of_links = measured(&project, "links");
        assert!(of_links.len() > 10, "{} thresholds", of_links.len());
        for row in &of_links {
            let above: BTreeSet<(&str, &str)> = links
                .iter()
                .filter(|link| link[2].parse::<f64>().unwrap() >= row.0)
                .map(|link| (link[0].as_str().min(&link[1]), link[0].as_str().max(&link[1])))
                .filter(|(a, b)| person.contains_key(a) && person.contains_key(b))
                .collect();
            check(row, above.intersection(&real).count(), above.len(), real.len());
        }
        assert!(of_links.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1.2 <= two[1].1.2));
    }
}

#[test]
fn the_tables_say_what_was_linked() {
    let project = Project::judged(&truth());
    let output = project.run(&[]).published();
    let summary = output.stderr.lines().find(|line| line.contains("pairs compared")).unwrap().to_owned();
    let number = |sql: &str| project.number(sql);
    // Sizes: every record is in one, and each customer with more than one is joined somehow.
    assert_eq!(
        number("select sum(records * customers) from mart.customer_sizes"),
        number("select count(*) from core.customer_ids")
    );
    assert_eq!(
        number("select sum(customers) from mart.customer_sizes"),
        number("select count(distinct customer_id) from core.customer_ids")
    );
    assert_eq!(
        number("select sum(by_links + by_keys) from mart.customer_sizes where records > 1"),
        number("select sum(customers) from mart.customer_sizes where records > 1")
    );
    assert!(number("select sum(by_links) from mart.customer_sizes") > 100.0);
    // Weights: the bits follow from m and u, the shares add up, every link is at one level.
    assert_eq!(
        number(
            "select count(*) from mart.match_weights where m is not null and abs(bits - log2(m / u)) > 1e-9"
        ),
        0.0
    );
    assert_eq!(
        number(
            "select count(*) from (select comparison from mart.match_weights where m is not null group by comparison having abs(sum(m) - 1) > 1e-9 or abs(sum(u) - 1) > 1e-9)"
        ),
        0.0
    );
    let linked = number("select count(*) from core.match_links where decision = 'linked'");
    assert!(linked > 100.0);
    let comparisons = project.ask("select comparison, sum(links) from mart.match_weights where comparison <> 'prior' group by comparison");
    assert_eq!(comparisons.len(), 7);
    assert!(comparisons.iter().all(|row| row[1].parse::<f64>().unwrap() == linked), "{comparisons:?}");
    assert!(number("select bits from mart.match_weights where comparison = 'prior'") < -5.0);
    // Decisions and rules: all pairs, each once.
    assert_eq!(
        number("select sum(pairs) from mart.match_decisions"),
        number("select count(*) from core.match_links")
    );
    assert_eq!(number("select sum(links) from mart.blocking_rules"), linked);
    let added = number("select sum(added_pairs) from mart.blocking_rules");
    assert!(summary.contains(&format!("{added} pairs compared")), "{summary}");
    assert_eq!(number("select count(*) from mart.blocking_rules where added_pairs > pairs"), 0.0);
    // Completeness: by plain counting; the first person's telephone, 0600000000, is none.
    let records = 500.0 + 167.0 + 4.0;
    for (attribute, filled) in
        [("first_name", records - 1.0), ("phone", records - 5.0), ("email", records - 4.0)]
    {
        let row = &project.ask(&format!(
            "select records, filled, share from mart.completeness where attribute = '{attribute}'"
        ))[0];
        let row: Vec<f64> = row.iter().map(|n| n.parse().unwrap()).collect();
        assert_eq!(row, [records, filled, filled / records], "{attribute}");
    }
    assert_eq!(number("select distinct_values from mart.completeness where attribute = 'first_name'"), 21.0);
    // Unlinkables: the two records that say next to nothing, and the share grows.
    assert_eq!(number("select unlinkable from mart.unlinkables where threshold = 'link'"), 2.0);
    let shares = project.ask("select share from mart.unlinkables order by match_weight");
    let shares: Vec<f64> = shares.iter().map(|row| row[0].parse().unwrap()).collect();
    assert!(shares.windows(2).all(|two| two[0] <= two[1]), "{shares:?}");
    assert_eq!((shares[0], shares[shares.len() - 1]), (0.0, 1.0));
}

#[test]
fn a_record_weighs_against_itself_what_it_would_against_its_twin() {
    let project = Project::judged(&truth());
    project.run(&[]).published();
    // A bit above and below the weight of a record with itself, as `explain` tells it.
    let explained =
        project.sillage(&["identity", "explain", "people:x1", "people:x1", "--format", "csv"]).published();
    let weight: f64 = explained.stdout.lines().last().unwrap().rsplit(',').next().unwrap().parse().unwrap();
    let below = |bits: f64| {
        project
            .ask(&format!("select unlinkable from mart.unlinkables where match_weight = {bits}"))
            .first()
            .map_or(0.0, |row| row[0].parse::<f64>().unwrap())
    };
    let (floor, ceiling) = (weight.floor(), weight.ceil());
    assert!(below(ceiling) > below(floor), "{weight}: {} and {}", below(floor), below(ceiling));
}

#[test]
fn neither_threads_nor_memory_nor_the_order_of_the_records_change_a_byte() {
    let project = Project::judged(&truth());
    project.run(&[]).published();
    let expected = shelf(&project.warehouse());
    assert_eq!(expected.len(), 8);
    for (name, arguments) in [("one", &["--threads", "1"][..]), ("little", &["--memory-limit", "256MB"])] {
        project.run(&[&["--warehouse", name], arguments].concat()).published();
        assert_eq!(shelf(&project.path(name)), expected, "{name}");
    }
    let text = fs::read_to_string(project.path("people.csv")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    project.put("people.csv", &(lines.join("\n") + "\n"));
    project.tell(&truth().into_iter().rev().collect::<Vec<_>>());
    project.run(&["--warehouse", "turned"]).published();
    assert_eq!(shelf(&project.path("turned")), expected);
}

#[test]
fn it_is_judged_again_alone_and_after_a_night_without_news() {
    let project = Project::judged(&truth());
    project.run(&[]).published();
    let expected = shelf(&project.warehouse());
    project.run(&["--select", "kind:match_quality"]).published();
    assert_eq!(shelf(&project.warehouse()), expected);
    project.run(&[]).published();
    assert_eq!(shelf(&project.warehouse()), expected);
    assert_eq!(project.number("select max(run) from ops.models where model = 'identity'"), 3.0);
}

#[test]
fn keys_alone_have_sizes_and_a_judge() {
    let project = Project::judged(&truth());
    let whole = fs::read_to_string(project.path("persons.toml")).unwrap();
    project.put("persons.toml", &whole.replace("records = \"channel.persons\"\n", ""));
    project.run(&[]).published();
    assert_eq!(shelf(&project.warehouse()).keys().collect::<Vec<_>>(), ["customer_sizes", "match_accuracy"]);
    assert_eq!(
        project.ask("select measure from mart.match_accuracy order by position"),
        [["pairs"], ["customers"]]
    );
    assert_eq!(project.number("select sum(by_links) from mart.customer_sizes"), 0.0);
    let page = page_of(&project);
    assert!(page.contains("Customers by their records") && !page.contains("Match weights"), "{page}");
}

#[test]
fn a_model_may_be_tested_that_reads_them() {
    let project = Project::judged(&truth());
    project.put(
        "sql/core/large_customers.sql",
        "select s.records, s.customers, w.bits from mart.customer_sizes s
         cross join (select max(bits) as bits from mart.match_weights) w where s.records > 5",
    );
    project.put(
        "sql/core/large_customers.test.toml",
        "[[test]]\nname = \"large ones count\"\n\
         given.\"mart.customer_sizes\" = [{ records = 6, customers = 1 }, { records = 5, customers = 3 }]\n\
         given.\"mart.match_weights\" = [{ bits = 2.5 }]\n\
         expect = [{ records = 6, customers = 1, bits = 2.5 }]\n",
    );
    project.sillage(&["test", "persons.toml"]).published();
}

/// The report of the last release.
fn page_of(project: &Project) -> String {
    project.sillage(&["report", "-o", "page.html"]).published();
    fs::read_to_string(project.path("page.html")).unwrap()
}

/// The text between a tag's end and the next tag, and every tag: by a plain walk.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|part| part.split('>').next().unwrap()).collect()
}

#[test]
fn the_report_is_one_file_that_says_what_the_tables_say_and_nothing_of_anybody() {
    let project = Project::judged(&truth());
    // What comes from the data is written as text, whatever is in it.
    project.put(
        "sql/channel/persons.sql",
        "select 'people' as source, record as record_id, first_name, last_name, birth_date, email, phone,
                street, postcode, city from raw.people
         union all
         select '<script>alert(1)</script> & \"tills\"', 'z', 'Zoé', 'Nyqvist', null, null, null, null, null, null",
    );
    project.run(&[]).published();
    let page = page_of(&project);
    assert_eq!(page_of(&project), page, "same release, same bytes");
    for title in [
        "Who is who",
        "Compared with the truth",
        "Customers by their records",
        "Match weights",
        "Linked, refused, for review",
        "Completeness of each channel",
        "Records that cannot be linked",
        "Which pairs were compared",
    ] {
        assert!(page.contains(title), "{title}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;tills&quot;"), "escaped");
    assert!(!page.contains("<script"), "no script");
    // Nothing is asked of anybody: the only addresses are the page's own.
    for outside in ["http:", "https:", "src=", "@import", "url(", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Nobody of the exports is in it.
    for private in ["Nyqvist", "nyqvist", "Perrot", "perrot", "mail.example", "0240000001", "quai"] {
        assert!(!page.contains(private), "{private}");
    }
    for name in fs::read_to_string(project.path("people.csv")).unwrap().lines().skip(1) {
        let email = name.split(',').nth(4).unwrap();
        assert!(email.is_empty() || !page.contains(email));
    }
    let customers = project.number("select count(distinct customer_id) from core.customer_ids");
    assert!(page.contains(&format!("<dd>{customers}</dd>")), "{customers} customers");

    // Every drawing is named and described or, where the figure is beside it, silent.
    let tags = tags(&page);
    let drawings: Vec<&&str> = tags.iter().filter(|tag| tag.starts_with("svg ")).collect();
    assert!(drawings.len() > 40, "{} drawings", drawings.len());
    for drawing in &drawings {
        let named = drawing.contains("role=\"img\"") && drawing.contains("aria-labelledby=");
        assert!(named || drawing.contains("aria-hidden=\"true\""), "{drawing}");
    }
    let count = |name: &str| tags.iter().filter(|tag| tag.split(' ').next() == Some(name)).count();
    assert_eq!(count("title"), 1 + count("desc"), "two curves and the page");
    assert_eq!(count("desc"), 2);
    // What is opened is closed, in order, and no id comes twice.
    let mut open = Vec::new();
    for tag in &tags {
        let name = tag.split([' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if ["!DOCTYPE", "meta", "br"].contains(&name) => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let ids: Vec<&str> =
        tags.iter().filter_map(|tag| tag.split(" id=\"").nth(1)?.split('"').next()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

#[test]
fn a_report_of_an_earlier_release_tells_of_that_one() {
    let project = Project::judged(&truth());
    project.run(&[]).published();
    let first = page_of(&project);
    project.put(
        "people2.csv",
        "record,first_name,last_name,birth_date,email,phone,street,postcode,city\ny1,Rose,Nobel,,,,,,\n",
    );
    let whole = fs::read_to_string(project.path("persons.toml")).unwrap();
    project.put("persons.toml", &whole.replace("${PEOPLE}/people.csv", "${PEOPLE}/people*.csv"));
    project.run(&[]).published();
    assert_ne!(page_of(&project), first);
    project.sillage(&["report", "-o", "first.html", "--release", "1"]).published();
    assert_eq!(fs::read_to_string(project.path("first.html")).unwrap(), first);
}

#[test]
fn where_there_is_nothing_to_report_it_is_said() {
    let shop = broken_shop::Shop::published();
    for (name, args) in [
        ("report_no_release", &["report", "--release", "7"][..]),
        ("report_no_warehouse", &["report", "--warehouse", "nowhere"]),
    ] {
        let output = shop.sillage(args);
        output.is_clean();
        assert_ne!(output.code, Some(0));
        output.shown(name, "tests/errors/snapshots/cli");
    }
    let bare = crate::project::Project::new(
        "as_of = \"2026-07-01\"\n[sources.orders]\npath = \"orders.csv\"\nformat = \"csv\"\nstatic = true\n\
         columns = { id = \"text\" }\n",
    );
    bare.file("orders.csv", "id\n1\n");
    bare.run(&[]).published();
    let page = bare.path().join("report.html");
    bare.verb(&["report", "-o", page.to_str().unwrap()])
        .refused(1, &["release 1 has no data for a report", "or [propensity.<name>]"]);
    assert!(!page.exists(), "no empty report");
    let project = Project::judged(&truth());
    project.run(&[]).published();
    project
        .sillage(&["report", "-o", "not/there.html"])
        .refused(1, &["could not write not/there.html", "its folder is not there"]);
    let left: Vec<_> = fs::read_dir(project.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("html"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
