//! Customer ids from night to night: ids stay, every change is recorded, former ids stay known permanently, a
//! steward's decisions take precedence, and an incremental night gives the same result as a full one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::forget::{files_below, text_of};
use crate::linkage::{PIPELINE, seen_again, town};
use crate::shop::{CommandResult, copy_folder, query, rows, sillage};

/// What the pipeline has beside that of the linkage tests, from its `[identity]` on.
const MORE: &str = r#"
decisions = "channel.link_decisions"
estimate_every = "10 days"
[sources.people.person]
keys = { record = "people", email = "email" }
[sources.decisions]
path = "FOLDER/decisions/*.csv"
format = "csv"
optional = true
[sources.decisions.columns]
record_a = "text"
record_b = "text"
decision = "text"
decided_at = "timestamp"
[sources.decisions.person]
keys = { record_a = "record", record_b = "record" }
"#;

/// Person records that change from night to night.
struct Town {
    folder: tempfile::TempDir,
    /// Record → its line.
    records: BTreeMap<String, String>,
    night: u32,
}

impl Town {
    fn new(lines: Vec<String>) -> Town {
        let folder = tempfile::tempdir().unwrap();
        let mut town = Town { folder, records: BTreeMap::new(), night: 0 };
        let pipeline = PIPELINE.replace("people.csv", "FOLDER/people/*.csv") + MORE;
        let pipeline = pipeline.replace("as_of = \"2026-01-01\"\n", "");
        town.put("persons.toml", &pipeline.replace("FOLDER", town.path().to_str().unwrap()));
        town.put(
            "sql/channel/persons.sql",
            "select 'people' as source, record as record_id, * from raw.people",
        );
        town.put(
            "sql/channel/keys.sql",
            "select 'people' as source, record as record_id, 'email' as key_kind, email as key_value
             from raw.people where email is not null",
        );
        town.put("sql/channel/link_decisions.sql", "select * from raw.decisions");
        town.deliver(lines);
        town
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path().join(file)).unwrap();
        assert!(text.contains(from), "{from}");
        self.put(file, &text.replace(from, to));
    }

    /// Lines of tomorrow's export: new records, and others once more.
    fn deliver(&mut self, lines: Vec<String>) {
        let header = "record,first_name,last_name,birth_date,email,phone,street,postcode,city\n";
        self.put(
            &format!("people/{:02}.csv", self.night + 1),
            &(header.to_owned() + &lines.join("\n") + "\n"),
        );
        for line in lines {
            self.records.insert(line.split_once(',').unwrap().0.to_owned(), line);
        }
    }

    /// A steward's decisions on records, from tomorrow on.
    fn decide(&self, decisions: &[(&str, &str, &str)]) {
        let lines: Vec<String> = decisions
            .iter()
            .map(|(a, b, decision)| {
                format!("people:{a},people:{b},{decision},{}", self.as_of(self.night + 1))
            })
            .collect();
        let header = "record_a,record_b,decision,decided_at\n";
        self.put(
            &format!("decisions/{:02}.csv", self.night + 1),
            &(header.to_owned() + &lines.join("\n") + "\n"),
        );
    }

    fn as_of(&self, night: u32) -> String {
        format!("2026-{:02}-{:02}T03:00:00Z", 3 + night / 31, 1 + night % 31)
    }

    fn warehouse(&self) -> PathBuf {
        self.path().join("warehouse")
    }

    fn run(&self, warehouse: &Path, more: &[&str]) -> CommandResult {
        let as_of = self.as_of(self.night);
        let pipeline = self.path().join("persons.toml");
        let mut arguments =
            vec!["run", pipeline.to_str().unwrap(), "--warehouse", warehouse.to_str().unwrap()];
        arguments.extend(["--as-of", as_of.as_str()]);
        arguments.extend(more);
        sillage(arguments)
    }

    /// The next night; the customer of each record after it.
    fn sleep(&mut self) -> BTreeMap<String, String> {
        self.night += 1;
        self.run(&self.warehouse(), &[]).published();
        customers(&self.warehouse())
    }

    /// The next night in a copy of the warehouse, with all pairs compared.
    fn dream(&mut self) -> PathBuf {
        let copy = self.path().join("copy");
        let _ = fs::remove_dir_all(&copy);
        copy_folder(&self.warehouse(), &copy);
        self.night += 1;
        self.run(&copy, &["--full-refresh"]).published();
        self.night -= 1;
        copy
    }
}

/// Columns of a query's rows.
fn cells(warehouse: &Path, sql: &str) -> Vec<Vec<String>> {
    let file = warehouse.with_extension("csv");
    sillage(["query", sql, "--warehouse", warehouse.to_str().unwrap(), "-o", file.to_str().unwrap()])
        .published();
    let text = fs::read_to_string(&file).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn customers(warehouse: &Path) -> BTreeMap<String, String> {
    cells(warehouse, "select record_id, customer_id from core.customer_ids")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect()
}

fn clusters(customers: &BTreeMap<String, String>) -> BTreeMap<BTreeSet<&str>, &str> {
    let mut records: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (record, customer) in customers {
        records.entry(customer).or_default().insert(record);
    }
    records.into_iter().map(|(customer, records)| (records, customer)).collect()
}

/// What a town's people and clerks do in a day.
fn day(town: &Town, chance: &mut Xoshiro256PlusPlus) -> Vec<String> {
    let night = town.night;
    let known: Vec<&String> = town.records.values().collect();
    let mut lines = Vec::new();
    let mut field = |line: &str, n: usize, value: &str, record: Option<String>| {
        let mut fields: Vec<&str> = line.split(',').collect();
        fields[n] = value;
        let mut line = fields.join(",");
        if let Some(record) = record {
            line = format!("{record},{}", line.split_once(',').unwrap().1);
        }
        lines.push(line);
    };
    for n in 0..3 {
        // A stranger, somebody known on another channel, a new address, a new e-mail.
        let line = *known.choose(chance).unwrap();
        let (year, day) = (1930 + chance.gen_range(0..70), 1 + chance.gen_range(0..28));
        let stranger = format!(
            "x{n},Zoé{night},Nouvelle{n},{year}-03-{day:02},z{night}.{n}@mail.example,,{night} rue Neuve,33000,Bordeaux"
        );
        field(&stranger, 0, &format!("s{night}-{n}"), None);
        let line_again = *known.choose(chance).unwrap();
        field(line_again, 4, "", Some(format!("a{night}-{n}")));
        field(line, 6, &format!("{} quai de la Lune", chance.gen_range(1..90)), None);
        let line = *known.choose(chance).unwrap();
        field(line, 4, &format!("new{night}.{n}@mail.example"), None);
    }
    // A clerk types another person's e-mail; most are put right on a later day.
    let (one, other) = (*known.choose(chance).unwrap(), *known.choose(chance).unwrap());
    let email = other.split(',').nth(4).unwrap();
    field(one, 4, email, None);
    // A marriage.
    let line = *known.choose(chance).unwrap();
    field(line, 2, "Delaunay", None);
    // The last line of a record counts: one line a record and day.
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for line in lines {
        last.insert(line.split_once(',').unwrap().0.to_owned(), line);
    }
    last.into_values().collect()
}

#[test]
fn for_thirty_nights_who_did_not_change_keeps_the_id_and_every_other_change_is_reported() {
    let mut lines = town();
    lines.extend(seen_again());
    let mut town = Town::new(lines);
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(30);
    let mut before = town.sleep();
    let mut ever: BTreeSet<String> = before.values().cloned().collect();
    let (mut merged, mut split) = (0, 0);
    for night in 2..=30 {
        let today = day(&town, &mut chance);
        town.deliver(today);
        if night % 3 == 0 {
            let records: Vec<&String> = before.keys().collect();
            let mut pick = || records.choose(&mut chance).unwrap().as_str();
            let (a, b, c) = (pick(), pick(), pick());
            let mate = before.iter().find(|(r, id)| *r != c && **id == before[c]).map_or(a, |(r, _)| r);
            town.decide(&[(a, b, "link"), (c, mate, "cut")]);
        }
        let full = (night % 6 == 0).then(|| town.dream());
        let after = town.sleep();
        if let Some(full) = full {
            for table in
                ["core.customer_ids", "core.match_links", "core.match_review", "core.former_customer_ids"]
            {
                assert_eq!(rows(&full, table), rows(&town.warehouse(), table), "{table} in night {night}");
            }
        }
        let (was, is) = (clusters(&before), clusters(&after));
        for (records, id) in &was {
            if let Some(now) = is.get(records) {
                assert_eq!(id, now, "night {night}: the records of this customer did not change");
            }
        }
        let mut moved: BTreeMap<(String, String), usize> = BTreeMap::new();
        for (record, id) in &before {
            if after[record] != *id {
                *moved.entry((id.clone(), after[record].clone())).or_default() += 1;
            }
        }
        let message: BTreeMap<(String, String), usize> = cells(
            &town.warehouse(),
            &format!("select former_id, customer_id, records, change from core.customer_id_changes where changed_at = '{}'", town.as_of(night)),
        )
        .into_iter()
        .map(|row| {
            match row[3].as_str() {
                "merged" => merged += 1,
                "split" => split += 1,
                _ => {}
            }
            ((row[0].clone(), row[1].clone()), row[2].parse().unwrap())
        })
        .collect();
        assert_eq!(moved, message, "night {night}");
        ever.extend(after.values().cloned());
        before = after;
    }
    assert!(merged > 5 && split > 5, "{merged} merged, {split} split: too quiet a month to show anything");
    // Every id there ever was is borne or stands for somebody.
    let borne: BTreeSet<&String> = before.values().collect();
    let former: BTreeMap<String, String> =
        cells(&town.warehouse(), "select former_id, customer_id from core.former_customer_ids")
            .into_iter()
            .map(|row| (row[0].clone(), row[1].clone()))
            .collect();
    for id in &ever {
        match former.get(id) {
            None => assert!(borne.contains(id), "{id} stands for nobody"),
            Some(today) => assert!(borne.contains(today) && !borne.contains(id), "{id} stands for {today}"),
        }
    }
    // Estimated in the nights 1, 11 and 21, and in force between.
    let estimates = query(
        &town.warehouse(),
        "select count(distinct value) as estimates from ops.models where model = 'identity' and name = 'estimated_at'",
    );
    assert!(estimates.contains('3'), "{estimates}");
}

#[test]
fn a_steward_always_wins_and_may_take_it_back() {
    let mut lines = town();
    lines.extend(seen_again());
    let mut town = Town::new(lines);
    let first = town.sleep();
    assert_eq!(first["p000"], first["q000"]);
    assert_ne!(first["p001"], first["p002"]);
    town.decide(&[("p000", "q000", "cut"), ("p001", "p002", "link")]);
    let second = town.sleep();
    assert_ne!(second["p000"], second["q000"]);
    assert_eq!(second["p001"], second["p002"]);
    let message = query(
        &town.warehouse(),
        "select decision from core.match_links where record_id_l = 'p000' and record_id_r = 'q000'",
    );
    assert!(message.contains("cut by a steward"), "{message}");
    town.decide(&[("p000", "q000", "link"), ("p002", "p001", "cut"), ("p000", "nobody", "cut")]);
    let third = town.sleep();
    assert_eq!(third, first, "with their ids of before");
    let message = query(&town.warehouse(), "select note from ops.steps where run = 3 and kind = 'identity'");
    assert!(message.contains("1 decisions of the steward name records that do not exist"), "{message}");
}

#[test]
fn an_earlier_instant_knows_the_ids_of_its_time() {
    let mut town = Town::new(town());
    let first = town.sleep();
    town.decide(&[("p001", "p002", "link")]);
    let second = town.sleep();
    assert_ne!(first, second);
    town.night = 1;
    fs::remove_dir_all(town.path().join("decisions")).unwrap();
    // The raw table of decisions has no declared time here: the export is read again without them.
    town.run(&town.warehouse(), &["--backfill", "--full-refresh"]).published();
    assert_eq!(customers(&town.warehouse()), first);
    town.night = 2;
    town.decide(&[("p001", "p002", "link")]);
    assert_eq!(town.sleep(), second, "and the ids of the later night come back");
}

#[test]
fn blocks_that_become_smaller_are_compared_by_nights_of_changes_too() {
    let mut lines = town();
    // Two blocks of six, by e-mail and by phone, with two records in both.
    let person = |record: &str, n: usize, email: &str, phone: &str| {
        format!("{record},Name{n},Family{n},19{:02}-01-0{},{email},{phone},,,", 40 + n * 5, 1 + n % 9)
    };
    lines.push(person("g", 1, "all@mail.example", "0611111111"));
    lines.push(person("s", 2, "all@mail.example", "0611111111"));
    lines.extend((0..4).map(|n| person(&format!("e{n}"), 3 + n / 2, "all@mail.example", "")));
    lines.extend((0..4).map(|n| person(&format!("f{n}"), 6 + n / 2, "", "0611111111")));
    let mut town = Town::new(lines);
    town.edit("persons.toml", "estimate_every", "max_block_records = 5\nestimate_every");
    town.sleep();
    let tables = ["core.customer_ids", "core.match_links", "core.match_review"];
    for lines in [vec![], vec![person("g", 1, "g@mail.example", "0622222222")], vec![]] {
        town.deliver(lines);
        let full = town.dream();
        town.sleep();
        for table in tables {
            assert_eq!(rows(&full, table), rows(&town.warehouse(), table), "{table}");
        }
    }
    let links = query(
        &town.warehouse(),
        "select record_id_l, record_id_r from core.match_links where record_id_l like 'f_'",
    );
    assert!(links.contains("f0,f1"), "the smaller block was compared: {links}");
}

#[test]
fn a_key_of_no_record_and_a_record_of_all_keys_join_nobody() {
    let mut town = Town::new(town());
    town.edit(
        "sql/channel/keys.sql",
        "select",
        "select 'till' as source, 'tablet' as record_id, 'email' as key_kind, email as key_value from raw.people
         union all select 'account', null, 'email', email from raw.people
         union all select",
    );
    let customers = town.sleep();
    let distinct: BTreeSet<&String> = customers.values().collect();
    assert_eq!((customers.len(), distinct.len()), (501, 501));
    let message = query(&town.warehouse(), "select note from ops.steps where kind = 'identity'");
    assert!(message.contains("500 keys without source or record_id were ignored"), "{message}");
}

#[test]
fn who_is_forgotten_takes_along_what_was_theirs_under_a_former_id() {
    let mut lines = town();
    lines.extend(seen_again());
    lines
        .push("zq1,Zephyrine,Quux,1977-07-07,zephyrine@quux.example,,7 rue Zephyrine,75007,Paris".to_owned());
    lines.push("zq2,Zephyrine,Quux,1977-07-07,,,7 rue Zephyrine,75007,Paris".to_owned());
    let mut town = Town::new(lines);
    let first = town.sleep();
    assert_eq!(first["zq1"], first["zq2"]);
    // The channel does not tell of zq1 any more; later she is found to be p000.
    for model in ["persons", "keys"] {
        let file = format!("sql/channel/{model}.sql");
        let text = fs::read_to_string(town.path().join(&file)).unwrap();
        let and = if text.contains("where") { "and" } else { "where" };
        town.put(&file, &format!("{text} {and} record <> 'zq1'"));
    }
    town.sleep();
    town.decide(&[("zq2", "p000", "link"), ("q000", "p000", "link")]);
    let third = town.sleep();
    assert_eq!((&third["zq2"], third.get("zq1")), (&third["p000"], None));
    assert_ne!(third["p000"], first["zq1"], "her id of before is a former one");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sillage"));
    command.args(["forget", "--yes"]).arg(town.path().join("persons.toml"));
    command.args(["--id", &format!("customer_id={}", first["zq1"]), "--warehouse"]).arg(town.warehouse());
    command.env("SILLAGE_SUPPRESSION_KEY", "0123456789abcdef0123456789abcdef");
    CommandResult::of(command.output().unwrap()).published();
    for sql in [
        "select count(*) as n from raw.people where record in ('zq1', 'zq2', 'p000')",
        "select count(*) as n from core.customer_id_history where record_id in ('zq1', 'zq2', 'p000')",
    ] {
        assert_eq!(query(&town.warehouse(), sql), "n\n0\n", "{sql}");
    }
}

#[test]
fn who_is_forgotten_is_in_nothing_that_is_remembered_of_ids() {
    let mut lines = town();
    lines
        .push("zq1,Zephyrine,Quux,1977-07-07,zephyrine@quux.example,,7 rue Zephyrine,75007,Paris".to_owned());
    lines.push("zq2,Zephyrine,Quux,1977-07-07,,,7 rue Zephyrine,75007,Paris".to_owned());
    let mut town = Town::new(lines);
    let others = |customers: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        customers
            .iter()
            .filter(|(record, _)| !record.starts_with("zq"))
            .map(|(r, c)| (r.clone(), c.clone()))
            .collect()
    };
    town.decide(&[("zq1", "zq2", "cut")]);
    let first = town.sleep();
    town.decide(&[("zq1", "zq2", "link")]);
    let second = town.sleep();
    assert_eq!(second["zq1"], second["zq2"]);
    let ids = [&first["zq1"], &first["zq2"]];
    assert_ne!(ids[0], ids[1]);
    let needles: BTreeSet<&str> =
        ["zephyrine", "quux", "zq1", "zq2"].into_iter().chain(ids.map(String::as_str)).collect();
    let found = || -> BTreeSet<String> {
        let warehouse = town.warehouse();
        let names = files_below(&warehouse).into_iter().filter(|file| {
            let text = text_of(file);
            needles.iter().any(|needle| text.contains(needle))
        });
        names.map(|file| file.strip_prefix(&warehouse).unwrap().display().to_string()).collect()
    };
    let before = found();
    for table in
        ["customer_id_history", "customer_id_changes", "former_customer_ids", "match_terms", "raw/decisions"]
    {
        assert!(before.iter().any(|file| file.contains(table)), "{table}: {before:#?}");
    }
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sillage"));
    command.args(["forget", "--yes"]).arg(town.path().join("persons.toml"));
    command.args(["--id", "people=zq1", "--warehouse"]).arg(town.warehouse());
    command.env("SILLAGE_SUPPRESSION_KEY", "0123456789abcdef0123456789abcdef");
    CommandResult::of(command.output().unwrap()).published();
    assert_eq!(found(), BTreeSet::new());
    assert_eq!(others(&customers(&town.warehouse())), others(&second));
    assert_eq!(customers(&town.warehouse()).len(), others(&second).len());
}
