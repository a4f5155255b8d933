//! Each system call of each command fails once, on files of the warehouse, of exports and of the project: the
//! command continues or fails cleanly, in time, and the next one ends as if nothing had happened.
//!
//! `SILLAGE_CALLS=1000` makes that many trials, spread over commands, calls, places and errors (eleven
//! without it); `SILLAGE_CALLS=17..18` makes the trials with these numbers.
//!
//! A small library in C is between the program and the C library (`failing_calls.c`). Rust's standard
//! library makes all its calls on files through it, including `statx` and `copy_file_range`. `strace -f`
//! shows what it does not see: `statvfs` of `rustix`, which asks for the free disk space.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::five_nights::{FiveNights, Words, ends_within};
use crate::forget::{files_below, text_of};
use crate::migration::to_format_1;
use crate::nights::tables;
use crate::shop::{CommandResult, copy_folder, shelf};

const IN_TIME: Duration = Duration::from_secs(60);
const ERRORS: [(&str, i32); 4] = [("EIO", 5), ("ENOSPC", 28), ("EACCES", 13), ("EINTR", 4)];
const FORGOTTEN: &str = "person5@example.org";
const NIGHT: Words = &["run", "shop.toml"];
const NIGHT_MENDED: Words = &["run", "mended.toml"];

/// What a verb makes.
#[derive(Clone, Copy, PartialEq)]
pub enum Made {
    Release,
    Copy,
    File,
}

pub struct Verb {
    pub words: Words,
    pub made: Made,
    next_night: Words,
}

const fn verb(words: Words, made: Made) -> Verb {
    Verb { words, made, next_night: NIGHT }
}

pub const VERBS: [Verb; 11] = [
    verb(NIGHT, Made::Release),
    verb(&["forget", "shop.toml", "--id", "email=person5@example.org", "--yes"], Made::Release),
    verb(&["vacuum", "--keep-releases", "1", "--older-than", "0s"], Made::Release),
    verb(&["optimize"], Made::Release),
    verb(&["restore", "3"], Made::Release),
    verb(&["migrate"], Made::Release),
    verb(&["backup", "copy"], Made::Copy),
    verb(&["query", "select * from core.customers order by customer_id", "-o", "list.csv"], Made::File),
    verb(&["audience", "export", "come_back", "--pipeline", "shop.toml", "-o", "list.csv"], Made::File),
    Verb {
        words: &["quarantine", "replay", "cards", "mended.toml"],
        made: Made::Release,
        next_night: NIGHT_MENDED,
    },
    verb(
        &["quarantine", "dismiss", "--source", "cards", "--by", "the steward", "--because", "an old form"],
        Made::Release,
    ),
];

/// What is read in a warehouse; of what it tells of runs, which say when they failed, nothing.
#[derive(Debug, Clone, PartialEq)]
struct State {
    shelf: BTreeMap<String, String>,
    tables: BTreeMap<String, String>,
}

impl State {
    fn of(warehouse: &Path) -> State {
        let mut tables = tables(warehouse);
        tables.retain(|name, _| {
            !["ops.runs", "ops.steps", "ops.checks", "ops.models"].contains(&name.as_str())
        });
        State { shelf: shelf(warehouse), tables }
    }
}

/// What happens to a verb that nothing happens to.
pub struct Unharmed {
    pub before: PathBuf,
    shelf_before: BTreeMap<String, String>,
    after: State,
    /// After the next night, with the verb before it and without.
    nights: [State; 2],
    file: Vec<u8>,
    /// Its calls, by what is called and where, in an order of chance.
    calls: Vec<Vec<Call>>,
    /// Its storage operations.
    pub points: u64,
}

/// The n-th call of a name.
#[derive(Debug, Clone)]
struct Call {
    name: String,
    number: usize,
}

pub struct Trials {
    pub nights: FiveNights,
    library: PathBuf,
    list: PathBuf,
}

impl Trials {
    pub fn new() -> Trials {
        let nights = FiveNights::new();
        let declared = fs::read_to_string(nights.shop.pipeline()).unwrap();
        let day = "created_on = { type = \"date\"";
        assert!(declared.contains(day));
        let works_again = declared.replace(day, &format!("{day}, format = [\"%Y-%m-%d\", \"%Y/%m/%d\"]"));
        fs::write(nights.shop.path().join("mended.toml"), works_again).unwrap();
        let outside = nights.shop.path().with_extension("calls");
        fs::create_dir(&outside).unwrap();
        let library = outside.join("failing_calls.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/failing_calls.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&library, &source])
            .args(["-ldl", "-lpthread"])
            .status()
            .expect("a C compiler is there as `cc`: Rust links with it");
        assert!(compiled.success(), "the library of failing calls does not compile");
        Trials { nights, library, list: outside.join("calls") }
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.nights.shop.path().join(name)
    }

    /// The verb with the library before it.
    fn watched(&self, words: Words, warehouse: &Path) -> Command {
        let _ = fs::remove_file(&self.list);
        let mut command = self.nights.verb(words, warehouse);
        command.env("LD_PRELOAD", &self.library).env("FAILING_CALLS_LIST", &self.list);
        command.env("FAILING_CALLS_BELOW", self.nights.shop.path());
        command
    }

    fn ends_well(&self, words: Words, warehouse: &Path, trial: &str) {
        let ran = ends_within(self.nights.verb(words, warehouse).spawn().unwrap(), IN_TIME, trial);
        assert_eq!(ran.code, Some(0), "{trial}; then {words:?}: {}", ran.stderr);
    }

    pub fn fresh(&self, before: &Path) -> PathBuf {
        let _ = fs::remove_file(self.place("list.csv"));
        for part in self.parts() {
            fs::remove_file(part).unwrap();
        }
        self.nights.fresh(before)
    }

    /// Files of exports that are not whole.
    fn parts(&self) -> Vec<PathBuf> {
        let beside = fs::read_dir(self.nights.shop.path()).unwrap().map(|entry| entry.unwrap().path());
        beside.filter(|path| path.extension().is_some_and(|ending| ending == "part")).collect()
    }

    /// What each verb does that nobody disturbs.
    pub fn all_unharmed(&self) -> Vec<Unharmed> {
        let mut nights_alone = BTreeMap::new();
        VERBS.iter().map(|verb| self.unharmed(verb, &mut nights_alone)).collect()
    }

    fn unharmed(&self, verb: &Verb, nights_alone: &mut BTreeMap<Words, State>) -> Unharmed {
        let mut before = self.nights.warehouse.clone();
        if verb.words[0] == "migrate" {
            before = self.place("of_format_1");
            copy_folder(&self.nights.warehouse, &before);
            to_format_1(&before);
        }
        let warehouse = self.fresh(&before);
        let points = self.list.with_file_name("points");
        let _ = fs::remove_file(&points);
        let mut command = self.watched(verb.words, &warehouse);
        CommandResult::of(command.env("SILLAGE_FAULT_POINTS", &points).output().unwrap()).published();
        let listed = fs::read_to_string(&self.list).unwrap();
        let after = match verb.made {
            Made::Copy => State::of(&self.place("copy")),
            Made::Release | Made::File => State::of(&warehouse),
        };
        let file = fs::read(self.place("list.csv")).unwrap_or_default();
        self.ends_well(verb.next_night, &warehouse, "unharmed");
        let then = State::of(&warehouse);
        let without = nights_alone.entry(verb.next_night).or_insert_with(|| {
            let warehouse = self.fresh(&self.nights.warehouse);
            self.ends_well(verb.next_night, &warehouse, "unharmed");
            State::of(&warehouse)
        });
        Unharmed {
            before,
            shelf_before: shelf(&self.nights.warehouse),
            after,
            nights: [then, without.clone()],
            file,
            calls: by_kind(&listed),
            points: fs::read_to_string(&points).unwrap().lines().count() as u64,
        }
    }

    /// Has the call fail; what became of the verb.
    fn fails(
        &self,
        verb: &Verb,
        unharmed: &Unharmed,
        call: &Call,
        error: (&str, i32),
        next: bool,
    ) -> &'static str {
        let warehouse = self.fresh(&unharmed.before);
        let mut command = self.watched(verb.words, &warehouse);
        command.env("FAILING_CALLS_FAIL", format!("{}:{}:{}", call.name, call.number, error.1));
        let trial = format!("{:?} with {call:?} failing by {}", verb.words, error.0);
        let ran = ends_within(command.spawn().unwrap(), IN_TIME, &trial);
        let met = fs::read_to_string(&self.list).unwrap_or_default();
        let trial = format!("{trial}, {met}{}{}{:?}", ran.stdout, ran.stderr, ran.code);
        assert!(!ran.stderr.contains("a defect") && !ran.stderr.contains("panicked"), "{trial}");
        assert!(matches!(ran.code, Some(0..=3)), "{trial}");
        let is_done = ran.code == Some(0);
        assert!(is_done || !met.is_empty(), "{trial}: no call failed");

        self.is_whole(verb, unharmed, &ran, next, &warehouse, &trial);
        match (is_done, met.is_empty()) {
            (true, true) => "met no failure",
            (true, false) => "went on",
            (false, _) => "failed cleanly first",
        }
    }

    /// What the verb made is whole or not there, and the verb again, or the next night, ends as if nothing
    /// had happened.
    pub fn is_whole(
        &self,
        verb: &Verb,
        unharmed: &Unharmed,
        ran: &CommandResult,
        next: bool,
        warehouse: &Path,
        trial: &str,
    ) {
        let is_done = ran.code == Some(0);
        match verb.made {
            Made::Release => self.release_is_whole(verb, unharmed, is_done, next, warehouse, trial),
            Made::Copy => {
                let copy = self.place("copy");
                // What says that it is a warehouse is a whole one.
                if is_done || self.is_warehouse(&copy) {
                    assert!(State::of(&copy) == unharmed.after, "{trial}: half a copy");
                }
                if !is_done {
                    self.ends_well(verb.words, warehouse, trial);
                    assert!(State::of(&copy) == unharmed.after, "{trial}: again");
                }
            }
            Made::File => {
                let list = self.place("list.csv");
                assert!(list.exists() || !is_done, "{trial}: no file");
                assert!(!list.exists() || fs::read(&list).unwrap() == unharmed.file, "{trial}: half a file");
                if !is_done {
                    self.ends_well(verb.words, warehouse, trial);
                    assert!(fs::read(&list).unwrap() == unharmed.file, "{trial}: again");
                }
                assert!(self.parts().is_empty(), "{trial}: {:?}", self.parts());
                // An erasure would find it, or it was warned.
                let known = fs::read_dir(warehouse.join("_sillage/exported")).into_iter().flatten();
                let is_known = known
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .any(|name| !name.contains('-'));
                let is_warned = ran.stderr.contains("`sillage forget` will not find");
                assert!(is_known || is_warned, "{trial}: an export that is not known");
            }
        }
    }

    fn release_is_whole(
        &self,
        verb: &Verb,
        unharmed: &Unharmed,
        is_done: bool,
        next: bool,
        warehouse: &Path,
        trial: &str,
    ) {
        let seen = shelf(warehouse);
        assert!(
            seen == unharmed.after.shelf || !is_done && seen == unharmed.shelf_before,
            "{trial}: the shelf"
        );
        let mut expected = vec![&unharmed.after];
        if next && verb.words != NIGHT && (is_done || verb.words[0] != "migrate") {
            // The night may carry out what was decided and be over.
            expected = unharmed.nights[..if is_done { 1 } else { 2 }].iter().collect();
            if !is_done && verb.words.contains(&"replay") {
                expected.push(&unharmed.after);
            }
            self.ends_well(verb.next_night, warehouse, trial);
        } else if !is_done {
            self.ends_well(verb.words, warehouse, trial);
        }
        let found = State::of(warehouse);
        if !expected.contains(&&found) {
            let differ = |state: &&State| {
                let both: BTreeSet<_> = state.tables.iter().chain(&state.shelf).collect();
                let found: BTreeSet<_> = found.tables.iter().chain(&found.shelf).collect();
                both.symmetric_difference(&found).map(|(name, _)| name.to_string()).collect::<BTreeSet<_>>()
            };
            panic!("{trial}: these differ: {:?}", expected.iter().map(differ).collect::<Vec<_>>());
        }
        if verb.words[0] == "forget" && (is_done || !next) {
            for file in files_below(warehouse) {
                assert!(!text_of(&file).contains(FORGOTTEN), "{trial}: in {}", file.display());
            }
        }
    }

    fn is_warehouse(&self, place: &Path) -> bool {
        let releases = place.join("_sillage/releases");
        fs::read_dir(releases).is_ok_and(|mut releases| {
            releases.any(|file| file.unwrap().path().extension().is_some_and(|ending| ending == "json"))
        })
    }
}

impl Drop for Trials {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.list.parent().unwrap());
    }
}

/// The calls of a list, those of one name on files of one kind together.
fn by_kind(listed: &str) -> Vec<Vec<Call>> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    for line in listed.lines() {
        let (name, place) = line.split_once(' ').unwrap();
        let number = numbers.entry(name).or_default();
        *number += 1;
        // Without numbers and random names, which are hexadecimal.
        let words = place.split(|c: char| !c.is_alphabetic());
        let words = words.filter(|word| word.len() > 2 && !word.bytes().all(|b| b.is_ascii_hexdigit()));
        let kind = format!("{name} {}", words.collect::<Vec<_>>().join(" "));
        kinds.entry(kind).or_default().push(Call { name: name.to_owned(), number: *number });
    }
    let mut kinds: Vec<Vec<Call>> = kinds.into_values().collect();
    kinds.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(listed.len() as u64));
    kinds
}

fn asked() -> Range<usize> {
    let Ok(text) = std::env::var("SILLAGE_CALLS") else { return 0..VERBS.len() };
    match text.split_once("..") {
        Some((from, to)) => from.parse().unwrap()..to.parse().unwrap(),
        None => 0..text.parse().unwrap(),
    }
}

/// A system call that fails never makes a wrong release.
pub fn calls_fail(trials: &Trials, unharmed: &[Unharmed]) {
    let mut ended: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut differences = 0;
    for n in asked() {
        let (verb, round) = (&VERBS[n % VERBS.len()], n / VERBS.len());
        let unharmed = &unharmed[n % VERBS.len()];
        let kind = &unharmed.calls[round % unharmed.calls.len()];
        let mut chance = Xoshiro256PlusPlus::seed_from_u64(n as u64);
        let call = &kind[chance.gen_range(0..kind.len())];
        let error = ERRORS[(n + round / unharmed.calls.len()) % ERRORS.len()];
        let next = chance.gen_bool(0.5);
        let end = catch_unwind(AssertUnwindSafe(|| trials.fails(verb, unharmed, call, error, next)));
        let end = end.unwrap_or_else(|_| {
            println!("trial {n} differs");
            differences += 1;
            "differs"
        });
        *ended.entry((verb.words[0], end)).or_default() += 1;
    }
    let calls: Vec<(&str, usize, usize)> = VERBS
        .iter()
        .zip(unharmed)
        .map(|(verb, unharmed)| {
            (verb.words[0], unharmed.calls.iter().map(Vec::len).sum(), unharmed.calls.len())
        })
        .collect();
    println!("calls and their kinds: {calls:?}");
    println!("{} calls failed: {ended:?}; {differences} differences", asked().len());
    assert_eq!(differences, 0);
}
