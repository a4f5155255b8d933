//! An erased person is in no byte of the warehouse, of its copies and of exports, and no later delivery
//! brings the person back.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::object_store::S3;
use crate::shop::{CommandResult, Shop, copy_folder, query, rows, shelf};

const KEY: &str = "0123456789abcdef0123456789abcdef";
/// What identifies the person, in any spelling.
const NEEDLES: [&str; 5] = ["zephyrine", "quux", "k9999", "k9998", "a9999"];

/// The shop, with a person whose words are nobody else's: two cards, an account, complaints, answers and
/// a form that does not fit.
pub struct KnownPerson {
    pub shop: Shop,
    pub warehouse: PathBuf,
    customer_id: String,
}

const TICKETS: &str = "ticket;sold_at;card;product_id;quantity;net_amount\n\
    T9-1;05/11/2025 10:00;K9999;P001;1;10,00\nT9-2;06/12/2025 10:00;K9998;P002;2;20,00\n";
const CARDS: &str = "card,email,first_name,created_on\n\
    K9999,Zephyrine.Quux@example.org,Zephyrine,2025-11-01\nK9998,zephyrine.quux@example.org,Zephyrine,2025-11-20\n\
    K9999,zephyrine.quux@example.org,Zephyrine,31/02/2025\n";
const CONSENTS: &str = "card,channel,granted,valid_from\nK9999,email,yes,2025-11-02 10:00\n";
const COMPLAINTS: &str = "card,complained_at\nK9998,2025-12-01 09:00\n";

fn web_order(order: &str) -> String {
    format!(
        "{{\"order_id\":\"{order}\",\"ordered_at\":\"2025-11-15T10:00:00Z\",\"customer\":{{\"account\":\"A9999\",\
         \"email\":\"ZEPHYRINE.QUUX@example.org\"}},\"product_id\":\"P003\",\"quantity\":1,\
         \"net_amount\":\"30.00\",\"line\":1}}\n"
    )
}

impl KnownPerson {
    /// Two nights, the person in both.
    pub fn for_two_nights() -> KnownPerson {
        KnownPerson::in_place(None)
    }

    /// The same, in a bucket when there is one.
    fn in_place(s3: Option<&S3>) -> KnownPerson {
        let shop = Shop::with_all_deliveries();
        shop.edit(
            "path = \"${SHOP_EXPORTS}/cards/*.csv\"",
            "path = \"${SHOP_EXPORTS}/cards/*.csv\"\ntolerance = 0.5",
        );
        shop.put("tickets", "07.csv", TICKETS);
        shop.put("cards", "07.csv", CARDS);
        shop.put("consents", "07.csv", CONSENTS);
        shop.put("complaints", "07.csv", COMPLAINTS);
        let warehouse = s3.map_or(shop.warehouse("warehouse"), |_| PathBuf::from("s3://bucket/wh"));
        let ran = |mut command: Command| {
            if let Some(s3) = s3 {
                s3.known_to(&mut command);
            }
            CommandResult::of(command.output().unwrap()).published().stdout
        };
        ran(shop.night(&warehouse, &["--as-of", "2025-12-15"]));
        shop.put("web_orders", "07.jsonl", &web_order("W9"));
        ran(shop.night(&warehouse, &[]));
        let mut known = KnownPerson { shop, warehouse, customer_id: String::new() };
        let sql = "select customer_id from core.customers where first_name = 'Zephyrine'";
        let found = ran(known.verb(&["query", sql, "--format", "csv"], &known.warehouse));
        known.customer_id = found.lines().nth(1).unwrap().to_owned();
        known
    }

    pub fn verb(&self, words: &[&str], warehouse: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.args(words).arg("--warehouse").arg(warehouse).stdin(Stdio::null());
        command.env("SILLAGE_SUPPRESSION_KEY", KEY).env("SHOP_EXPORTS", self.shop.exports());
        command.current_dir(self.shop.path());
        command
    }

    pub fn ran(&self, words: &[&str]) -> CommandResult {
        CommandResult::of(self.verb(words, &self.warehouse).output().unwrap())
    }

    pub fn forget(&self, words: &[&str]) -> CommandResult {
        let agreed: &[&str] = if words.contains(&"--dry-run") { &[] } else { &["--yes"] };
        self.ran(&[&["forget", "shop.toml"], words, agreed].concat())
    }

    /// The same at a terminal, with this answer to what is asked.
    fn forget_answering(&self, words: &[&str], answer: &str) -> CommandResult {
        let binary = env!("CARGO_BIN_EXE_sillage");
        let place = self.warehouse.display();
        let line = format!("{binary} forget shop.toml --warehouse {place} {}", words.join(" "));
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("SILLAGE_SUPPRESSION_KEY", KEY).env("SHOP_EXPORTS", self.shop.exports());
        let mut terminal = command.current_dir(self.shop.path()).spawn().unwrap();
        terminal.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        CommandResult::of(terminal.wait_with_output().unwrap())
    }

    fn releases(&self) -> usize {
        fs::read_dir(self.warehouse.join("_sillage/releases")).unwrap().count()
    }

    /// Where any of the person's words stand.
    pub fn found(&self, places: &[&Path]) -> BTreeSet<String> {
        let customer_id = self.customer_id.to_lowercase();
        let needles: Vec<&str> = NEEDLES.into_iter().chain([customer_id.as_str()]).collect();
        let mut found = BTreeSet::new();
        for place in places {
            for file in files_below(place) {
                let text = text_of(&file);
                if let Some(needle) = needles.iter().find(|needle| text.contains(**needle)) {
                    let shown = file.strip_prefix(self.shop.path()).unwrap().display();
                    found.insert(format!("{shown} ({needle})"));
                }
            }
        }
        found
    }
}

/// Every file, links aside: what they point to lies below too.
pub fn files_below(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let entries = fs::read_dir(place).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| !entry.file_type().unwrap().is_symlink());
    folders.flat_map(|entry| files_below(&entry.path())).collect()
}

/// All that a file says, in lower case: its bytes; of Parquet every value, of workbooks every part, of UTF-16 its
/// characters too.
pub fn text_of(file: &Path) -> String {
    let bytes = fs::read(file).unwrap();
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if bytes.starts_with(b"PAR1") {
        let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(file).unwrap()).unwrap();
        for batch in reader.build().unwrap() {
            for column in batch.unwrap().columns() {
                let shown = ArrayFormatter::try_new(column, &FormatOptions::default()).unwrap();
                for row in 0..column.len() {
                    text.push('\n');
                    text.push_str(&shown.value(row).to_string());
                }
            }
        }
    }
    if bytes.starts_with(b"PK") {
        let mut book = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
        for part in 0..book.len() {
            text.push_str(&std::io::read_to_string(book.by_index(part).unwrap()).unwrap());
        }
    }
    if bytes.starts_with(b"\xFF\xFE") {
        text.push_str(&encoding_rs::UTF_16LE.decode(&bytes).0);
    }
    text.to_lowercase()
}

#[test]
fn the_shipped_night_goes_on_without_the_orders_name() {
    let folder = tempfile::tempdir().unwrap();
    let verb = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.args(words).current_dir(folder.path()).env("SILLAGE_SUPPRESSION_KEY", KEY);
        command.env("SILLAGE_DATA", folder.path().join("demo/exports"));
        CommandResult::of(command.output().unwrap()).published()
    };
    verb(&["demo", "demo", "--customers", "600"]);
    let warehouse = folder.path().join("demo/warehouse");
    // Somebody with a card and a web account.
    let someone = query(
        &warehouse,
        "select c.email, c.customer_id from core.customers c where c.cards = 1 and c.accounts = 1
         and c.email is not null and exists (select 1 from core.order_lines l
           where l.customer_id = c.customer_id and l.channel = 'web') order by c.customer_id limit 1",
    );
    let (email, customer) = someone.lines().nth(1).unwrap().split_once(',').unwrap();
    let (lines, customers) = (query(&warehouse, BOOKS), rows(&warehouse, "core.customers").len());
    let place = ["--warehouse", "demo/warehouse"];
    let id = format!("email={email}");
    verb(&[&["forget", "demo/pipelines/nightly.toml", "--yes", "--id", &id][..], &place].concat());
    assert_eq!(query(&warehouse, BOOKS), lines);
    assert_eq!(rows(&warehouse, "core.customers").len(), customers - 1);
    verb(&[&["run", "demo/pipelines/nightly.toml", "--as-of", "2026-07-02"][..], &place].concat());
    let left = format!("select count(*) as n from core.customers where customer_id = '{customer}'");
    assert_eq!(query(&warehouse, &left), "n\n0\n");
}

const BOOKS: &str = "select count(*) as lines, sum(net_amount) as net_amount from core.order_lines";

#[test]
fn a_forgotten_person_is_in_no_byte_and_no_export_brings_them_back() {
    let known = KnownPerson::for_two_nights();
    let (shop, warehouse) = (&known.shop, &known.warehouse);
    let at = |name: &str| shop.path().join(name);
    let (list, answer, copy) = (at("list.csv"), at("answer.parquet"), at("copy"));
    let (book, wide) = (at("book.xlsx"), at("wide.csv"));
    let all = "select * from mart.customer_360";
    known.ran(&["query", all, "-o", "list.csv"]).published();
    known.ran(&["query", all, "-o", "book.xlsx"]).published();
    let options = ["--delimiter", ";", "--encoding", "utf-16le"];
    known.ran(&[&["query", all, "-o", "wide.csv"][..], &options].concat()).published();
    known.ran(&["query", "select card, email from raw.cards", "-o", "answer.parquet"]).published();
    known.ran(&["backup", "copy"]).published();
    let everywhere: [&Path; 6] = [warehouse, &list, &book, &wide, &answer, &copy];
    let before = known.found(&everywhere);
    for place in [
        "raw/tickets",
        "_delta_log",
        "ops/quarantine",
        "bi",
        "mart/customer_360",
        "list.csv",
        "book.xlsx",
        "wide.csv",
        "answer",
        "copy/",
    ] {
        assert!(before.iter().any(|file| file.contains(place)) || place == "bi", "{place}: {before:#?}");
    }
    let (books, listed) = (query(warehouse, BOOKS), fs::read_to_string(&list).unwrap().lines().count());
    let customers = rows(warehouse, "mart.customer_360").len();

    let message = known.forget(&["--id", "email=Zephyrine.Quux@Example.org"]).published().stdout;

    assert_eq!(known.found(&everywhere), BTreeSet::new(), "{message}");
    // The books are as they were, everybody else is where they were.
    assert_eq!(query(warehouse, BOOKS), books);
    assert_eq!(rows(warehouse, "mart.customer_360").len(), customers - 1);
    assert_eq!(fs::read_to_string(&list).unwrap().lines().count(), listed - 1);
    for line in [
        "raw.cards: 2 rows taken out, 0 without their name",
        "raw.complaints: 1 rows taken out",
        "raw.tickets: 0 rows taken out, 2 without their name",
        "raw.web_orders: 0 rows taken out, 1 without their name",
        "1 refused records without their text",
        "2 earlier releases purged",
        "list.csv: 1 rows taken out",
        "book.xlsx: 1 rows taken out",
        "wide.csv: 1 rows taken out",
        "answer.parquet: 2 rows taken out",
        "answer.parquet: it has no column customer_id",
        "copy: forgotten there too, by release 3",
    ] {
        assert!(message.contains(line), "`{line}` is not told in:\n{message}");
    }
    known.ran(&["restore", "2"]).refused(2, &["the warehouse has no release 2"]);

    // The same exports under new names, and a new order.
    shop.put("tickets", "08.csv", &format!("{TICKETS}T9-3;07/12/2025 10:00;K9999;P001;1;10,00\n"));
    shop.put("cards", "08.csv", &format!("{CARDS}K7777,nobody@example.org,Nobody,2025-12-24\n"));
    shop.put("web_orders", "08.jsonl", &web_order("W10"));
    let night = |warehouse: &Path| {
        let mut night = shop.night(warehouse, &["--as-of", "2026-01-02"]);
        CommandResult::of(night.env("SILLAGE_SUPPRESSION_KEY", KEY).output().unwrap())
    };
    let unlocked = shop.night(warehouse, &["--as-of", "2026-01-02"]).output().unwrap();
    CommandResult::of(unlocked).refused(2, &["SILLAGE_SUPPRESSION_KEY is not set"]);
    night(warehouse).published();
    assert_eq!(known.found(&everywhere), BTreeSet::new());
    assert_eq!(rows(warehouse, "mart.customer_360").len(), customers);
    let kept_out = query(
        warehouse,
        "select step, rows_forgotten from ops.steps where run = 4 and rows_forgotten > 0 order by step",
    );
    assert_eq!(kept_out, "step,rows_forgotten\nraw.cards,2\nraw.tickets,3\nraw.web_orders,1\n");
    // The copy, too, is a warehouse that goes on without them.
    night(&copy).published();
    assert_eq!(known.found(&everywhere), BTreeSet::new());
    assert_eq!(shelf(&copy).len(), shelf(warehouse).len());
}

#[test]
fn rows_of_somebodys_order_are_theirs() {
    let known = KnownPerson::for_two_nights();
    let (shop, warehouse) = (&known.shop, &known.warehouse);
    shop.declare(
        "[sources.parcels]\npath = \"${SHOP_EXPORTS}/parcels/*.csv\"\nformat = \"csv\"\n\
         columns = { order_id = \"text\", address = \"text\" }\n\
         [sources.parcels.person]\nkeys = { order_id = \"web_orders.order_id\" }\n",
    );
    shop.put("parcels", "01.csv", "order_id,address\nW9,12 Quux Street\nW0001-001,1 Elm Street\n");
    shop.run(warehouse, &["--as-of", "2026-01-02"]).published();
    assert!(query(warehouse, "select address from raw.parcels").contains("Quux"));
    known.forget(&["--id", "card=K9999"]).published();
    assert_eq!(known.found(&[warehouse]), BTreeSet::new());
    // What comes of the order later is theirs too.
    shop.put("parcels", "02.csv", "order_id,address\nW9,14 Quux Street\n");
    let mut night = shop.night(warehouse, &["--as-of", "2026-01-03"]);
    CommandResult::of(night.env("SILLAGE_SUPPRESSION_KEY", KEY).output().unwrap()).published();
    assert_eq!(query(warehouse, "select address from raw.parcels"), "address\n1 Elm Street\n");
}

#[test]
fn in_a_bucket_too_a_forgotten_person_is_in_no_byte() {
    let Some(s3) = S3::start() else {
        eprintln!("moto_server is not installed: nothing was tried");
        return;
    };
    s3.request("PUT", "/bucket", b"");
    let known = KnownPerson::in_place(Some(&s3));
    let (before, after) = (known.shop.path().join("before"), known.shop.path().join("after"));
    s3.copy_bucket("bucket", &before);
    assert!(known.found(&[&before]).len() > 20);
    let words = ["forget", "shop.toml", "--yes", "--id", "account=A9999"];
    let mut forget = known.verb(&words, &known.warehouse);
    s3.known_to(&mut forget);
    CommandResult::of(forget.output().unwrap()).published();
    s3.copy_bucket("bucket", &after);
    assert_eq!(known.found(&[&after]), BTreeSet::new());
    let mut night = known.shop.night(&known.warehouse, &["--as-of", "2026-01-02"]);
    s3.known_to(&mut night);
    CommandResult::of(night.env("SILLAGE_SUPPRESSION_KEY", KEY).output().unwrap()).published();
}

#[test]
fn an_erasure_that_is_interrupted_anywhere_is_done_when_it_is_asked_again() {
    let known = KnownPerson::for_two_nights();
    let listed = known.shop.path().join("points");
    let words = ["forget", "shop.toml", "--yes", "--id", "card=K9999"];
    let whole = known.shop.warehouse("whole");
    copy_folder(&known.warehouse, &whole);
    assert!(known.verb(&words, &whole).env("SILLAGE_FAULT_POINTS", &listed).status().unwrap().success());
    let points = fs::read_to_string(&listed).unwrap().lines().count();
    let expected = shelf(&whole);
    let asked = std::env::var("SILLAGE_CRASHES").ok().and_then(|n| n.parse().ok());
    let crashes: usize = asked.unwrap_or(10);
    for n in 0..crashes {
        let point = (n * points / crashes + 11 * n) % points + 1;
        let warehouse = known.shop.warehouse(&format!("cut_{n}"));
        copy_folder(&known.warehouse, &warehouse);
        let cut =
            known.verb(&words, &warehouse).env("SILLAGE_FAULT_STOP", point.to_string()).output().unwrap();
        assert!(!cut.status.success(), "point {point} of {points} was not reached");
        let again = CommandResult::of(known.verb(&words, &warehouse).output().unwrap()).published();
        assert_eq!(known.found(&[&warehouse]), BTreeSet::new(), "cut off at point {point}: {}", again.stdout);
        assert_eq!(shelf(&warehouse), expected, "cut off at point {point}");
        fs::remove_dir_all(&warehouse).unwrap();
    }
}

#[test]
fn looking_changes_nothing_and_asking_twice_says_so() {
    let known = KnownPerson::for_two_nights();
    let before = shelf(&known.warehouse);
    let message = known.forget(&["--dry-run", "--id", "account=a9999"]).published().stdout;
    assert_eq!(
        message,
        "customers: 1; identifiers: 1 account, 2 card, 1 customer_id, 1 email\n  \
         raw.cards: 2 rows\n  raw.complaints: 1 rows\n  raw.consents: 1 rows\n  raw.tickets: 2 rows\n  \
         raw.web_orders: 1 rows\n  1 refused records would lose their text\n  \
         1 earlier releases would be purged\n"
    );
    assert_eq!(shelf(&known.warehouse), before);
    let id = format!("customer_id={}", known.customer_id);
    known.forget(&["--id", &id]).published();
    let again = known.forget(&["--id", "card=K9998"]).published().stdout;
    assert!(again.contains("they were forgotten before"), "{again}");
}

#[test]
fn nobody_is_forgotten_by_mistake() {
    let known = KnownPerson::for_two_nights();
    let number = |table: &str| rows(&known.warehouse, table).len();
    let customers = number("core.customers");
    known.forget(&[]).refused(2, &["nobody is named"]);
    known
        .forget(&["--id", "zephyrine.quux@example.org"])
        .refused(2, &["an identifier is written kind=value"]);
    known
        .forget(&["--id", "phone=0612985347"])
        .refused(2, &["no source has a key of the kind `phone`", "known kinds are account, card, email"]);
    known.forget(&["--id", "customer_id=c0"]).refused(2, &["no customer of the last release has this id"]);
    known
        .forget(&["--id", "card=K9999", "--id", "card=K0001"])
        .refused(2, &["the identifiers belong to 2 customers", "--several"]);
    let mut keyless = known.verb(&["forget", "shop.toml", "--yes", "--id", "card=K9999"], &known.warehouse);
    CommandResult::of(keyless.env_remove("SILLAGE_SUPPRESSION_KEY").output().unwrap())
        .refused(2, &["SILLAGE_SUPPRESSION_KEY is not set"]);
    fs::remove_file(known.shop.path().join("sql/mart/monthly_sales.sql")).unwrap();
    fs::remove_file(known.shop.path().join("sql/mart/monthly_sales.toml")).unwrap();
    known
        .forget(&["--id", "card=K9999"])
        .refused(2, &["the pipeline does not make mart.monthly_sales", "--empty-others"]);
    assert_eq!(number("core.customers"), customers);
    known.forget(&["--id", "card=K9999", "--empty-others"]).published();
    assert_eq!((number("core.customers"), number("mart.monthly_sales")), (customers - 1, 1));
    // Another key would let everybody come back.
    let mut other = known.shop.night(&known.warehouse, &[]);
    CommandResult::of(other.env("SILLAGE_SUPPRESSION_KEY", KEY.replace('0', "f")).output().unwrap())
        .refused(2, &["is not the key that the warehouse's suppression list was made with"]);
}

#[test]
fn a_slip_of_the_hand_purges_nothing() {
    let known = KnownPerson::for_two_nights();
    let before = shelf(&known.warehouse);
    for id in ["email=zephirine.quux@example.org", "card=K99999", "account=A99990"] {
        known.forget(&["--id", id]).refused(2, &["nobody was found by these identifiers"]);
        let message = known.forget(&["--dry-run", "--id", id]).published().stdout;
        assert_eq!(message, "nobody was found by these identifiers: nothing would be forgotten\n");
    }
    known.ran(&["forget", "shop.toml", "--id", "card=K9999"]).refused(2, &["no terminal", "--yes"]);
    assert_eq!((shelf(&known.warehouse), known.releases()), (before, 2));
    // One right and one wrong: it is reported.
    let ids = ["--dry-run", "--id", "card=K9999", "--id", "email=somebody.else@example.org"];
    let message = known.forget(&ids).published().stdout;
    assert!(message.contains("1 of the identifiers given belong to no customer"), "{message}");
}

#[test]
fn at_a_terminal_somebody_is_asked() {
    let known = KnownPerson::for_two_nights();
    let ids = ["--id", "card=K9999"];
    for answer in ["n\n", "\n", "\u{4}"] {
        let message = known.forget_answering(&ids, answer).published().stdout;
        assert!(
            message.contains("raw.tickets: 2 rows") && message.contains("nobody was forgotten"),
            "{message}"
        );
        assert_eq!(known.releases(), 2);
    }
    let message = known.forget_answering(&["--id", "card=K99990"], "y\n");
    assert!(message.code == Some(2) && message.stdout.contains("nobody was found"), "{}", message.stdout);
    let message = known.forget_answering(&ids, "y\n").published().stdout;
    assert!(message.contains("release 3 holds nothing of them"), "{message}");
    assert_eq!((known.releases(), known.found(&[&known.warehouse])), (1, BTreeSet::new()));
}

#[test]
fn who_is_in_an_earlier_release_only_is_found_there() {
    let known = KnownPerson::for_two_nights();
    let (shop, warehouse) = (&known.shop, &known.warehouse);
    for (source, file) in [
        ("tickets", "07.csv"),
        ("cards", "07.csv"),
        ("consents", "07.csv"),
        ("complaints", "07.csv"),
        ("web_orders", "07.jsonl"),
    ] {
        fs::remove_file(shop.exports().join(source).join(file)).unwrap();
    }
    shop.run(warehouse, &["--full-refresh"]).published();
    let message = known.forget(&["--dry-run", "--id", "account=A9999"]).published().stdout;
    assert!(message.contains("release 2 has"), "{message}");
    known.forget(&["--id", "account=A9999"]).published();
    assert_eq!(known.found(&[warehouse]), BTreeSet::new());
}

#[test]
fn white_space_around_an_address_makes_no_other_person() {
    for (typed, written) in [
        ("zephyrine.quux@example.org", "Zephyrine.Quux@example.org\t"),
        ("zephyrine.quux@example.org", "zephyrine.quux@example.org\u{a0}"),
        (" Zephyrine.Quux@example.org\u{a0}", "\u{feff}zephyrine.quux@example.org"),
    ] {
        let shop = Shop::with_all_deliveries();
        shop.put(
            "cards",
            "07.csv",
            &format!("card,email,first_name,created_on\nK9999,{written},Zephyrine,2025-11-01\n"),
        );
        shop.put("tickets", "07.csv", TICKETS);
        let warehouse = shop.warehouse("warehouse");
        shop.run(&warehouse, &[]).published();
        let known = KnownPerson { shop, warehouse, customer_id: "nobody-known".to_owned() };
        let message = known.forget(&["--id", &format!("email={typed}")]).published().stdout;
        assert!(message.contains("raw.tickets: 0 rows taken out, 1 without their name"), "{message}");
        assert!(message.contains("raw.cards: 1 rows taken out"), "{message}");
    }
}

#[test]
fn a_refused_record_loses_its_text_however_it_names_the_person() {
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    shop.put(
        "cards",
        "07.csv",
        "card,email,first_name,created_on\nK9999,zephyrine.o'quux@example.org,Zephyrine,2025-11-01\n",
    );
    let records = |shop: &Shop, file: &str| {
        for (n, sign) in ["~", "^", "|", "/", "&", "#"].into_iter().enumerate() {
            let line = ["1", "zephyrine.o'quux@example.org", "31/02/2025"].join(sign);
            shop.put(&format!("forms{n}"), file, &format!("{}\n{line}\n", ["id", "mail", "day"].join(sign)));
        }
        let object = r#"{"order_id":7,"note":"zephyrine.o\u0027quux\u0040example.org","amount":"much"}"#;
        shop.put("notes", &file.replace("csv", "jsonl"), &format!("{object}\n"));
    };
    for (n, sign) in ["~", "^", "|", "/", "&", "#"].into_iter().enumerate() {
        // Nobody says that these hold persons.
        shop.declare(&format!(
            "[sources.forms{n}]\npath = \"${{SHOP_EXPORTS}}/forms{n}/*.csv\"\nformat = \"csv\"\n\
             delimiter = \"{sign}\"\ntolerance = 1.0\nsame_content = \"read\"\n\
             columns = {{ id = \"text\", mail = \"text\", day = \"date\" }}\n"
        ));
    }
    shop.declare(
        "[sources.notes]\npath = \"${SHOP_EXPORTS}/notes/*.jsonl\"\nformat = \"jsonl\"\ntolerance = 1.0\n\
         same_content = \"read\"\ncolumns = { order_id = \"text\", note = \"text\", amount = \"integer\" }\n",
    );
    records(&shop, "01.csv");
    shop.run(&warehouse, &["--as-of", "2026-01-01"]).published();
    let kept = "select count(*) as n from ops.quarantine where record is not null";
    assert_eq!(query(&warehouse, kept), "n\n7\n");
    let known = KnownPerson { shop, warehouse, customer_id: "nobody-known".to_owned() };
    known.forget(&["--id", "card=K9999"]).published();
    assert_eq!(query(&known.warehouse, kept), "n\n0\n");
    records(&known.shop, "02.csv");
    let mut night = known.shop.night(&known.warehouse, &["--as-of", "2026-01-03"]);
    CommandResult::of(night.env("SILLAGE_SUPPRESSION_KEY", KEY).output().unwrap()).published();
    let all = query(&known.warehouse, "select count(*) as n, count(record) as kept from ops.quarantine");
    assert_eq!(all, "n,kept\n14,0\n");
    assert_eq!(known.found(&[&known.warehouse]), BTreeSet::new());
}

#[test]
fn a_column_that_nobody_declared_is_blanked_with_the_name() {
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    shop.edit("decimal = \",\"", "decimal = \",\"\non_drift = \"evolve\"\nsame_content = \"read\"");
    shop.put("cards", "07.csv", "card,email,first_name,created_on\nK9999,,Zephyrine,2025-11-01\n");
    let tickets = |file: &str| {
        let header = TICKETS.lines().next().unwrap();
        let text = format!(
            "{header};Buyer's note\nT9-1;05/11/2025 10:00;K9999;P001;1;10,00;for Zephyrine Quux\n\
             T9-9;05/11/2025 10:00;K0001;P001;1;10,00;a present\n"
        );
        shop.put("tickets", file, &text);
    };
    tickets("07.csv");
    shop.run(&warehouse, &["--as-of", "2026-01-01"]).published();
    let notes = "select ticket, buyer_s_note, net_amount from raw.tickets where ticket like 'T9-%' order by ticket, net_amount";
    assert!(query(&warehouse, notes).contains("Quux"));
    tickets("08.csv");
    let known = KnownPerson { shop, warehouse, customer_id: "nobody-known".to_owned() };
    known.forget(&["--id", "card=K9999"]).published();
    assert_eq!(
        query(&known.warehouse, notes),
        "ticket,buyer_s_note,net_amount\nT9-1,,10.00\nT9-9,a present,10.00\n"
    );
    let mut night = known.shop.night(&known.warehouse, &["--as-of", "2026-01-02"]);
    CommandResult::of(night.env("SILLAGE_SUPPRESSION_KEY", KEY).output().unwrap()).published();
    assert_eq!(known.found(&[&known.warehouse]), BTreeSet::new());
}
