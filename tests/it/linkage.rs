//! Identity without keys: person records with errors are linked by the built-in model, and ambiguous or
//! shared values make no giant customer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use crate::shop::{query, rows, sillage};

/// A folder with one export of person records, a pipeline and a warehouse.
struct Persons {
    folder: tempfile::TempDir,
}

/// What a run found.
struct Found {
    customer: BTreeMap<String, String>,
    messages: String,
}

/// Person records from `people.csv`, to be put where they are; `[identity]` comes last.
pub const PIPELINE: &str = r#"
name = "persons"
warehouse = "warehouse"
as_of = "2026-01-01"
models = "sql"
[sources.people]
path = "people.csv"
format = "csv"
key = ["record"]
[sources.people.columns]
record = { type = "text", nullable = false }
first_name = "text"
last_name = "text"
birth_date = "text"
email = "text"
phone = "text"
street = "text"
postcode = "text"
city = "text"
[identity]
keys = "channel.keys"
records = "channel.persons"
country = "FR"
"#;

impl Persons {
    /// Records as lines of CSV: record, first and last name, birth date, e-mail, phone, street,
    /// postcode, city. The e-mail is a key, too.
    fn of(lines: &[String]) -> Persons {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let path = folder.path().join("people.csv");
        put("persons.toml", &PIPELINE.replace("people.csv", path.to_str().unwrap()));
        put("sql/channel/persons.sql", "select 'people' as source, record as record_id, * from raw.people");
        put(
            "sql/channel/keys.sql",
            "select 'people' as source, record as record_id, 'email' as key_kind, email as key_value
             from raw.people where email is not null",
        );
        let header = "record,first_name,last_name,birth_date,email,phone,street,postcode,city\n";
        put("people.csv", &(header.to_owned() + &lines.join("\n") + "\n"));
        Persons { folder }
    }

    fn warehouse(&self) -> PathBuf {
        self.folder.path().join("warehouse")
    }

    fn resolve(&self) -> Found {
        resolve(&self.folder.path().join("persons.toml"), &self.warehouse(), None)
    }
}

fn resolve(pipeline: &Path, warehouse: &Path, data: Option<&Path>) -> Found {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sillage"));
    command.args(["run".as_ref(), pipeline.as_os_str(), "--warehouse".as_ref(), warehouse.as_os_str()]);
    if let Some(data) = data {
        command.env("SILLAGE_DATA", data);
    }
    let output = command.output().unwrap();
    let messages =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{messages}");
    let found = warehouse.join("found.csv");
    sillage([
        "query",
        "select record_id, customer_id from core.customer_ids",
        "--warehouse",
        warehouse.to_str().unwrap(),
        "-o",
        found.to_str().unwrap(),
    ])
    .published();
    let customer = fs::read_to_string(&found)
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(record, customer)| (record.to_owned(), customer.to_owned()))
        .collect();
    Found { customer, messages }
}

impl Found {
    fn are_one(&self, records: &[&str]) -> bool {
        records.iter().map(|r| &self.customer[*r]).collect::<BTreeSet<_>>().len() == 1
    }

    fn largest(&self) -> usize {
        let mut sizes: HashMap<&str, usize> = HashMap::new();
        self.customer.values().for_each(|c| *sizes.entry(c).or_default() += 1);
        sizes.into_values().max().unwrap_or(0)
    }
}

const FIRST: [&str; 20] = [
    "Camille", "Louis", "Jeanne", "Karim", "Sophie", "Antoine", "Nadia", "Pierre", "Lucie", "Hugo", "Emma",
    "Paul", "Inès", "Victor", "Rose", "Marc", "Chloé", "Yann", "Agathe", "Simon",
];
const LAST: [&str; 25] = [
    "Martin", "Bernard", "Thomas", "Petit", "Durand", "Leroy", "Moreau", "Lefebvre", "Garcia", "Roux",
    "Fournier", "Girard", "Bonnet", "Dupont", "Lambert", "Fontaine", "Rousseau", "Vincent", "Muller",
    "Faure", "Mercier", "Blanc", "Guérin", "Boyer", "Garnier",
];

/// Five hundred persons with an address each.
pub fn town() -> Vec<String> {
    (0..500)
        .map(|n: usize| {
            let (first, last) = (FIRST[n % 20], LAST[n / 20]);
            format!(
                "p{n:03},{first},{last},19{:02}-{:02}-{:02},{}.{n}@mail.example,06{:08},{} rue des Lilas,{:05},Ville {}",
                40 + n * 7 % 60,
                1 + n * 5 % 12,
                1 + n * 11 % 28,
                last.to_lowercase(),
                10_000_000 + n * 77_777,
                1 + n % 150,
                10_000 + n * 137 % 80_000,
                n % 40,
            )
        })
        .collect()
}

/// A third of them once more, as another channel writes them.
pub fn seen_again() -> Vec<String> {
    let again = |line: &String| {
        let line = line.replace("rue des Lilas", "r. Lilas").replacen("@mail", "@post", 1);
        format!("q{}", &line[1..])
    };
    town().iter().step_by(3).map(again).collect()
}

#[test]
fn errors_of_all_kinds_still_make_one_customer() {
    let mut lines = town();
    lines.extend(
        [
            "a1,Éloïse,Le Goff,1984-03-12,eloise.legoff@mail.example,06 12 34 56 78,3 avenue de la Gare,35000,Rennes",
            "a2,Mme Eloise,LEGOFF,12/03/1984,,+33612345678,3 av. Gare,35000,RENNES CEDEX",
            "a3,Eloise,Le Gof,1984-12-03,eloise.legof@mail.example,,,35000,Rennes",
            "a4,Le Goff,Éloïse,1984-03-12,,,3 avenue de la gare,35000,Rennes",
        ]
        .map(str::to_owned),
    );
    let found = Persons::of(&lines).resolve();
    assert!(
        found.are_one(&["a1", "a2", "a3", "a4"]),
        "{:?}",
        found.customer.range("a".to_owned().."b".to_owned())
    );
    let others: BTreeSet<_> = found.customer.range("p".to_owned()..).map(|(_, c)| c).collect();
    assert_eq!(others.len(), 500, "the others stay themselves");
}

#[test]
fn persons_who_share_nearly_everything_stay_themselves() {
    // Those seen again teach that a person keeps the first name: where records of one person often
    // have another (as in FEBRL), twins cannot be told apart.
    let mut lines = town();
    lines.extend(seen_again());
    lines.extend(
        [
            // Twins: one name, one birthday, one address, but two first names.
            "twin1,Aline,Keller,1990-05-05,aline.k@mail.example,0623456789,9 rue Haute,67000,Strasbourg",
            "twin2,Bastien,Keller,1990-05-05,bastien.k@mail.example,0698765432,9 rue Haute,67000,Strasbourg",
            // A couple with one e-mail address and one telephone.
            "she,Odile,Perrot,1961-02-03,perrot@mail.example,0240000001,4 quai Nord,44000,Nantes",
            "he,Gilbert,Perrot,1955-11-29,perrot@mail.example,0240000001,4 quai Nord,44000,Nantes",
            // One name and one birthday, and nothing else in common.
            "here,Marc,Martin,1971-09-09,marc.m@nord.example,0320000001,1 rue du Port,59000,Lille",
            "there,Marc,Martin,1971-09-09,mm@sud.example,0490000002,88 allée des Pins,13001,Marseille",
        ]
        .map(str::to_owned),
    );
    let found = Persons::of(&lines).resolve();
    for (one, other) in [("twin1", "twin2"), ("she", "he"), ("here", "there")] {
        assert!(!found.are_one(&[one, other]), "{one} and {other}");
    }
}

#[test]
fn what_many_share_makes_no_giant_customer_and_is_said() {
    let mut lines = town();
    // One address for five thousand, one e-mail for a hundred thousand, and nothing at all for a thousand.
    lines.extend((0..5_000).map(|n: usize| {
        let (first, last) = (FIRST[n % 20], LAST[n / 20 % 25]);
        format!(
            "h{n},{first}{n},{last},19{:02}-{:02}-{:02},,,1 place de l'Hôpital,69001,Lyon",
            30 + n % 70,
            1 + n % 12,
            1 + n % 28
        )
    }));
    lines.extend(
        (0..100_000)
            .map(|n: usize| format!("i{n},{}{n},{}{n},,info@firm.example,,,,", FIRST[n % 20], LAST[n % 25])),
    );
    lines.extend((0..1_000).map(|n: usize| format!("n{n},,,,,,,,")));
    let found = Persons::of(&lines).resolve();
    assert_eq!(found.customer.len(), 106_500);
    assert!(found.largest() <= 10, "a customer of {} records", found.largest());
    assert!(
        found.messages.contains("on 100000 records, join no records: held under more than 20 names each"),
        "{}",
        found.messages
    );
    assert!(found.messages.contains("does not compare 1 blocks of more than"), "{}", found.messages);
}

#[test]
fn the_order_of_the_records_and_the_threads_change_nothing() {
    let mut lines = town();
    lines.extend(seen_again());
    let straight = Persons::of(&lines);
    let first = straight.resolve();
    assert!(first.are_one(&["p000", "q000"]));
    lines.reverse();
    let other = Persons::of(&lines);
    sillage([
        "run".as_ref(),
        other.folder.path().join("persons.toml").as_os_str(),
        "--warehouse".as_ref(),
        other.warehouse().as_os_str(),
        "--threads".as_ref(),
        "1".as_ref(),
    ])
    .published();
    for table in ["core.customer_ids", "core.match_links", "core.person_records"] {
        assert_eq!(rows(&straight.warehouse(), table), rows(&other.warehouse(), table), "{table}");
    }
}

#[test]
fn the_weights_of_a_pair_are_reported_one_by_one() {
    let mut lines = town();
    lines.push("twice,Louis,Martin,1947-06-12,,0610077777,2 rue Lilas,10137,Ville 1".to_owned());
    let persons = Persons::of(&lines);
    assert!(persons.resolve().are_one(&["p001", "twice"]));
    let explain = |left: &str, right: &str| {
        let warehouse = persons.warehouse();
        sillage([
            "identity",
            "explain",
            left,
            right,
            "--warehouse",
            warehouse.to_str().unwrap(),
            "--format",
            "csv",
        ])
    };
    let messages = explain("people:p001", "people:twice").published().stdout.replace(", ", " ");
    let rows: Vec<Vec<&str>> = messages.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows.iter().map(|r| r[0]).collect::<Vec<_>>(),
        [
            "prior",
            "first_name",
            "last_name",
            "crossed_name",
            "birth_date",
            "email",
            "phone",
            "address",
            "household"
        ]
    );
    assert_eq!(rows[1][1..4], ["same", "louis", "louis"]);
    assert_eq!(rows[3][1..3], ["different", "\"louis martin\""]);
    assert_eq!(rows[5][1], "says nothing");
    let sum: f64 = rows.iter().map(|r| r[4].parse::<f64>().unwrap()).sum();
    assert!((sum - rows[8][5].parse::<f64>().unwrap()).abs() < 1e-9, "the bits add up");
    explain("people:p001", "people:nobody").refused(1, &["no person record"]);
    explain("p001", "people:twice").refused(2, &["SOURCE:RECORD_ID"]);
}

#[test]
fn attributes_of_ones_own_are_compared_and_what_is_wrong_is_said_at_its_line() {
    let mut lines = town();
    lines.extend(seen_again());
    let persons = Persons::of(&lines);
    let path = persons.folder.path().join("persons.toml");
    let pipeline = fs::read_to_string(&path).unwrap();
    let declare = |attributes: &str| fs::write(&path, format!("{pipeline}{attributes}")).unwrap();
    let sql = "select 'people' as source, record as record_id, first_name, last_name, phone as licence
               from raw.people";
    fs::write(persons.folder.path().join("sql/channel/persons.sql"), sql).unwrap();
    declare(
        "[[identity.attributes]]\nname = \"city\"\n\n\
         [[identity.attributes]]\nname = \"licence\"\nlevels = [\n  { by = \"slips\" },\n]\n",
    );
    let line = pipeline.lines().count();
    let (first, second) = (format!("persons.toml:{}", line + 2), format!("persons.toml:{}", line + 7));
    let warehouse = persons.warehouse();
    sillage(["run", path.to_str().unwrap(), "--warehouse", warehouse.to_str().unwrap()])
        .refused(2, &["`city` is compared already", &first, "`slips` has not the bound", &second]);
    declare(
        "[[identity.attributes]]\nname = \"licence\"\nstandard = \"code\"\n\
         levels = [{ by = \"slips\", at_most = 1 }]\n",
    );
    let found = persons.resolve();
    assert!(found.are_one(&["p003", "q003"]), "{}", found.messages);
    let count = |sql: &str| -> u64 {
        let text = query(&warehouse, &format!("select count(*) as n from {sql}"));
        text.lines().nth(1).unwrap().parse().unwrap()
    };
    assert!(count("core.person_records where licence like '06%'") >= 660);
    assert!(count("core.match_links where level_licence = 2 and bits_licence > 8") >= 160);
}

#[test]
fn a_record_that_comes_twice_is_refused() {
    let mut lines = town();
    lines.truncate(3);
    let persons = Persons::of(&lines);
    fs::write(
        persons.folder.path().join("sql/channel/persons.sql"),
        "select 'people' as source, 'one' as record_id, first_name from raw.people",
    )
    .unwrap();
    sillage([
        "run".as_ref(),
        persons.folder.path().join("persons.toml").as_os_str(),
        "--warehouse".as_ref(),
        persons.warehouse().as_os_str(),
    ])
    .refused(1, &["1 records of channel.persons occur more than once", "one row per record"]);
}

/// Precision, recall and F1 of pairs.
fn judge(person: &BTreeMap<String, String>, found: &Found) -> (f64, f64, f64) {
    assert!(person.keys().eq(found.customer.keys()), "every record has a customer, and no other has");
    fn pairs<K: std::hash::Hash + Eq>(groups: impl Iterator<Item = K>) -> f64 {
        let mut sizes: HashMap<K, u64> = HashMap::new();
        groups.for_each(|g| *sizes.entry(g).or_default() += 1);
        sizes.values().map(|n| n * (n - 1) / 2).sum::<u64>() as f64
    }
    let same = pairs(person.iter().map(|(record, p)| (p, &found.customer[record])));
    let (precision, recall) = (same / pairs(found.customer.values()), same / pairs(person.values()));
    (precision, recall, 2.0 * precision * recall / (precision + recall))
}

/// Runs a pipeline of `benches/identity` over a public set, whose truth is removed first: `hidden`
/// columns and the order of the records say who belongs together.
fn measured(
    name: &str,
    file: &str,
    hidden: &[&str],
    person: fn(&HashMap<&str, &str>) -> String,
) -> Option<(f64, f64, f64)> {
    let data = std::env::var_os("SILLAGE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let Ok(text) = fs::read_to_string(data.join(file)) else {
        eprintln!("{file} is not there: nothing is measured");
        return None;
    };
    let mut lines = text.lines().map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let mut records: Vec<HashMap<&str, &str>> =
        lines.map(|line| header.iter().copied().zip(line).collect()).collect();
    records
        .sort_by_key(|record| digest(&format!("{:?}", header.iter().map(|h| record[h]).collect::<Vec<_>>())));
    let columns: Vec<&str> = header.iter().copied().filter(|h| !hidden.contains(h)).collect();
    let mut export = format!("record,{}\n", columns.join(","));
    let mut truth = BTreeMap::new();
    for (n, record) in records.iter().enumerate() {
        let values: Vec<&str> = columns.iter().map(|c| record[c]).collect();
        export.push_str(&format!("{n},{}\n", values.join(",")));
        truth.insert(n.to_string(), person(record));
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(format!("{name}.csv")), export).unwrap();
    fs::create_dir(folder.path().join("truth")).unwrap();
    let persons: String = truth.iter().map(|(record, person)| format!("{record},{person}\n")).collect();
    fs::write(folder.path().join(format!("truth/{name}.csv")), format!("record,person\n{persons}")).unwrap();
    let pipeline = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/identity/{name}.toml"));
    let warehouse = folder.path().join("warehouse");
    let found = resolve(&pipeline, &warehouse, Some(folder.path()));
    let judged = judge(&truth, &found);
    let messages =
        query(&warehouse, "select precision, recall, f1 from mart.match_accuracy where measure = 'pairs'");
    let messages: Vec<f64> =
        messages.lines().nth(1).unwrap().split(',').map(|rate| rate.parse().unwrap()).collect();
    for (messages, counted) in messages.iter().zip([judged.0, judged.1, judged.2]) {
        assert!((messages - counted).abs() < 1e-12, "{name}: {messages} told, {counted} counted");
    }
    Some(judged)
}

fn digest(text: &str) -> String {
    use sha2::Digest;
    format!("{:x}", sha2::Sha256::digest(text))
}

#[test]
fn febrl_is_resolved_with_the_shipped_settings() {
    let hidden = ["rec_id", "soc_sec_id"];
    let person = |record: &HashMap<&str, &str>| record["rec_id"].split('-').nth(1).unwrap().to_owned();
    if let Some((precision, recall, f1)) = measured("febrl", "febrl/dataset3.csv", &hidden, person) {
        assert!(f1 >= 0.985 && precision >= 0.999, "precision {precision}, recall {recall}, F1 {f1}");
    }
}

#[test]
fn fake_1000_is_resolved_with_the_shipped_settings() {
    let hidden = ["unique_id", "cluster"];
    let person = |record: &HashMap<&str, &str>| record["cluster"].to_owned();
    if let Some((precision, recall, f1)) = measured("fake_1000", "splink/fake_1000.csv", &hidden, person) {
        // splink 5 on the same records: precision 1.0, recall .763, F1 .8655.
        assert!(f1 >= 0.93 && precision >= 0.98, "precision {precision}, recall {recall}, F1 {f1}");
    }
}
