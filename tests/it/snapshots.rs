//! Complete lists: a missing key has left the list, and the past stays as it was known.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use sillage::run::Request;

use crate::small::{Small, request};

const LIST: &str = "key = [\"email\"]\nsnapshot = { min_share = 0 }\ndate_in_name = \"%Y-%m-%d\"\n\
                    columns = { email = \"text\", city = \"text\", points = \"integer\" }";
const HISTORY: &str = "key = [\"email\"]\nsnapshot = { min_share = 0, history = true }\ndate_in_name = \"%Y-%m-%d\"\n\
                       columns = { email = \"text\", city = \"text\", points = \"integer\" }";
const HEADER: &str = "email,city,points\n";
const STATE: &str = "select email, city, points from raw.list order by email";

fn list(lines: &[&str]) -> String {
    lines.iter().fold(HEADER.to_owned(), |text, line| text + line + "\n")
}

#[test]
fn who_is_missing_is_gone_and_who_comes_back_is_there() {
    let small = Small::new(LIST);
    small.put("l_2026-06-01.csv", &list(&["ann,Lyon,1", "bob,Lyon,1", "cleo,Nice,1"]));
    let output = small.night("2026-06-02");
    assert_eq!(output, ["the list of 2026-06-01: 3 came, 0 changed, 0 gone, 0 as before"]);
    small.put("l_2026-07-01.csv", &list(&["ann,Lyon,1", "bob,Metz,1", "dan,Lyon,"]));
    let output = small.night("2026-07-02");
    assert_eq!(output, ["the list of 2026-07-01: 1 came, 1 changed, 1 gone, 1 as before"]);
    assert_eq!(small.seen(STATE, "2026-07-02"), ["ann Lyon 1", "bob Metz 1", "dan Lyon "]);
    // As it was known then; the list of a day is known from its first instant on.
    assert_eq!(small.seen(STATE, "2026-06-15"), ["ann Lyon 1", "bob Lyon 1", "cleo Nice 1"]);
    assert_eq!(small.seen(STATE, "2026-07-01"), ["ann Lyon 1", "bob Lyon 1", "cleo Nice 1"]);
    assert_eq!(small.seen(STATE, "2026-07-01 00:00:01"), ["ann Lyon 1", "bob Metz 1", "dan Lyon "]);
    assert_eq!(small.seen(STATE, "2026-06-01"), [""; 0]);
    small.put("l_2026-08-01.csv", &list(&["ann,Lyon,1", "cleo,Nice,1"]));
    small.night("2026-08-02");
    assert_eq!(
        small.stored(
            "select email, city, to_char(valid_from at time zone 'Europe/Paris', '%m-%d'), \
             coalesce(to_char(valid_to at time zone 'Europe/Paris', '%m-%d'), 'holds'), _file from raw.list \
             order by email, valid_from"
        ),
        [
            "ann Lyon 06-01 holds l_2026-06-01.csv",
            "bob Lyon 06-01 07-01 l_2026-06-01.csv",
            "bob Metz 07-01 08-01 l_2026-07-01.csv",
            "cleo Nice 06-01 07-01 l_2026-06-01.csv",
            "cleo Nice 08-01 holds l_2026-08-01.csv",
            "dan Lyon 07-01 08-01 l_2026-07-01.csv",
        ]
    );
}

#[test]
fn a_list_that_says_what_the_last_said_writes_nothing() {
    let small = Small::new(LIST);
    small.put("l_2026-06-01.csv", &list(&["ann,Lyon,1", "bob,,"]));
    let first = small.try_run(request("2026-06-02")).unwrap().0;
    small.put("l_2026-06-02.csv", &list(&["bob,,", "ann,Lyon,1"]));
    let second = small.try_run(request("2026-06-03")).unwrap().0;
    let raw = "raw.list".parse().unwrap();
    assert_eq!(second.tables[&raw], first.tables[&raw], "the table was left alone");
    assert_eq!(small.stored("select count(*) from ops.sources"), ["2"]);
    // The third differs from the second.
    small.put("l_2026-06-03.csv", &list(&["ann,Lyon,1"]));
    small.night("2026-06-04");
    assert_eq!(small.seen(STATE, "2026-06-04"), ["ann Lyon 1"]);
    assert_eq!(small.seen(STATE, "2026-06-02 12:00"), ["ann Lyon 1", "bob  "]);
}

#[test]
fn a_list_that_was_interrupted_stops_the_run_and_is_said() {
    let mut small = Small::new(&LIST.replace("{ min_share = 0 }", "true"));
    let whole: Vec<String> = (0..10).map(|n| format!("p{n},Lyon,1")).collect();
    small.put("l_2026-06-01.csv", &list(&whole.iter().map(String::as_str).collect::<Vec<_>>()));
    small.night("2026-06-02");
    small.put("l_2026-06-02.csv", &list(&whole[..7].iter().map(String::as_str).collect::<Vec<_>>()));
    let error = small.fails("2026-06-03");
    for messages in [
        "the list of 2026-06-02 has 7 rows, the one before had 10: less than 0.8",
        "source list",
        "min_share",
    ] {
        assert!(error.contains(messages), "{error}");
    }
    assert_eq!(small.seen("select count(*) from raw.list", "2026-06-03"), ["10"]);
    small.put("l_2026-06-02.csv", HEADER);
    assert!(small.fails("2026-06-03").contains("has 0 rows"));
    small.declare(&LIST.replace("min_share = 0", "min_share = 0.7"));
    small.put("l_2026-06-02.csv", &list(&whole[..7].iter().map(String::as_str).collect::<Vec<_>>()));
    small.night("2026-06-03");
    assert_eq!(small.seen("select count(*) from raw.list", "2026-06-03"), ["7"]);
}

#[test]
fn several_parts_of_a_day_are_one_list_and_one_key_says_one_thing() {
    let small = Small::new(LIST);
    small.put("a_2026-06-01.csv", &list(&["ann,Lyon,1", "bob,Lyon,1"]));
    small.put("b_2026-06-01.csv", &list(&["bob,Lyon,1", "cleo,Lyon,1"]));
    let output = small.night("2026-06-02");
    assert!(output[0].contains("1 row repeats another of the same list word for word"), "{output:?}");
    assert_eq!(small.seen("select count(*) from raw.list", "2026-06-02"), ["3"]);
    small.put("a_2026-06-03.csv", &list(&["ann,Lyon,1", "bob,Lyon,1"]));
    small.put("b_2026-06-03.csv", &list(&["bob,Nice,1", "cleo,Lyon,1"]));
    let error = small.fails("2026-06-04");
    let messages =
        "1 value of the key email stands in several rows that differ: a_2026-06-03.csv:3, b_2026-06-03.csv:2";
    assert!(error.contains(messages), "{error}");
}

#[test]
fn a_row_that_was_refused_does_not_make_its_customer_gone() {
    let tolerant = format!("{LIST}\ntolerance = 0.9");
    let small = Small::new(&tolerant);
    small.put("l_2026-06-01.csv", &list(&["ann,Lyon,1", "bob,Lyon,2", "cleo,Nice,3", "dan,Nice,4"]));
    small.night("2026-06-02");
    // The points of bob cannot be read, a line of nobody knows whom has too many fields.
    small.put("l_2026-06-02.csv", &list(&["ann,Lyon,1", "bob,Metz,many", "dan,Nice,4,,,", "eve,Lyon,x"]));
    let output = small.night("2026-06-03").join("; ");
    assert!(output.contains("1 refused row: what it said before still holds"), "{output}");
    assert!(
        output.contains("1 refused row does not tell the key: of the 2 that are gone as many may"),
        "{output}"
    );
    assert_eq!(small.seen(STATE, "2026-06-03"), ["ann Lyon 1", "bob Lyon 2"]);
    assert_eq!(small.stored("select count(*) from ops.quarantine where state = 'refused'"), ["3"]);
    // The next list has it right: what was refused waits no more.
    small.put("l_2026-06-03.csv", &list(&["ann,Lyon,1", "bob,Metz,5", "dan,Nice,4"]));
    small.night("2026-06-04");
    assert_eq!(small.seen(STATE, "2026-06-04"), ["ann Lyon 1", "bob Metz 5", "dan Nice 4"]);
    assert_eq!(
        small.stored(
            "select distinct dismissed_by, dismissed_because from ops.quarantine where state = 'dismissed'"
        ),
        ["sillage the newer list l_2026-06-03.csv counts"]
    );
}

#[test]
fn models_see_the_history_where_the_source_says_so() {
    let small = Small::new(HISTORY);
    small.put("l_2026-06-01.csv", &list(&["ann,Lyon,1", "bob,Lyon,1"]));
    small.put("l_2026-07-01.csv", &list(&["ann,Nice,1"]));
    small.night("2026-07-02");
    let all = "select email, city, valid_to is null as holds from raw.list order by email, valid_from";
    assert_eq!(small.seen(all, "2026-07-02"), ["ann Lyon false", "ann Nice true", "bob Lyon false"]);
    // Nothing says then that it will end.
    assert_eq!(small.seen(all, "2026-06-15"), ["ann Lyon true", "bob Lyon true"]);
}

#[test]
fn a_list_without_its_day_holds_from_the_run_on() {
    let small = Small::new(&LIST.replace("date_in_name = \"%Y-%m-%d\"\n", ""));
    small.put("one.csv", &list(&["ann,Lyon,1", "bob,Lyon,1"]));
    small.night("2026-06-02");
    assert_eq!(small.seen(STATE, "2026-06-02"), ["ann Lyon 1", "bob Lyon 1"], "its own run sees it");
    small.put("two.csv", &list(&["ann,Lyon,1"]));
    small.night("2026-06-05 03:00");
    assert_eq!(small.seen(STATE, "2026-06-05 03:00"), ["ann Lyon 1"]);
    assert_eq!(small.seen(STATE, "2026-06-05 02:00"), ["ann Lyon 1", "bob Lyon 1"]);
    small.put("three.csv", &list(&["bob,Lyon,1"]));
    let error = small.fails("2026-06-05 03:00");
    assert!(error.contains("not newer than the last list") && error.contains("a later --as-of"), "{error}");
}

#[test]
fn a_list_that_is_written_over_every_night_is_a_history() {
    let undated = LIST.replace("date_in_name = \"%Y-%m-%d\"\n", "tolerance = 0.9\n");
    let small = Small::new(&undated);
    let nights: [&[&str]; 4] = [
        &["ann,Lyon,1", "bob,Lyon,x"],
        &["ann,Lyon,1", "bob,Lyon,x"],
        &["ann,Lyon,1", "bob,Lyon,y"],
        &["bob,Nice,2"],
    ];
    for (n, rows) in nights.iter().enumerate() {
        small.put("list.csv", &list(rows));
        small.night(&format!("2026-06-0{}", n + 2));
        let waits = small.waiting();
        assert_eq!(waits, ["list.csv:3", "list.csv:3", "list.csv:3"][..usize::from(n < 3)], "night {n}");
    }
    assert_eq!(small.seen(STATE, "2026-06-05"), ["bob Nice 2"]);
    assert_eq!(small.seen(STATE, "2026-06-04"), ["ann Lyon 1"]);
    assert_eq!(small.stored("select count(*) from ops.sources"), ["3"], "the second night's was the first's");
}

#[test]
fn a_source_is_of_snapshots_from_its_first_file_on() {
    let plain = LIST.replace("snapshot = { min_share = 0 }\n", "");
    for (before, after) in [(plain.as_str(), LIST), (LIST, plain.as_str())] {
        let mut small = Small::new(before);
        small.put("l_2026-06-01.csv", &list(&["ann,Lyon,1"]));
        small.night("2026-06-02");
        small.declare(after);
        small.put("l_2026-06-02.csv", &list(&["bob,Lyon,1"]));
        let error = small.fails("2026-06-03");
        assert!(error.contains("read as snapshots") && error.contains("--full-refresh"), "{error}");
        let anew = Request { full_refresh: true, ..request("2026-06-03") };
        small.try_run(anew).unwrap();
        let seen = small.seen("select count(*) from raw.list", "2026-06-03");
        assert_eq!(seen, [if after == LIST { "1" } else { "2" }]);
    }
}

#[test]
fn another_key_needs_a_full_refresh() {
    let two = LIST.replace("[\"email\"]", "[\"email\", \"city\"]");
    let mut small = Small::new(&two);
    small.put("l_2026-06-01.csv", &list(&["ann,Lyon,1", "ann,Nice,1"]));
    small.night("2026-06-02");
    small.declare(LIST);
    small.put("l_2026-06-02.csv", &list(&["ann,Nice,1"]));
    let error = small.fails("2026-06-03");
    assert!(error.contains("made with another key"), "{error}");
}

#[test]
fn who_left_long_ago_leaves_the_history_and_who_is_there_stays() {
    let small = Small::new(&format!("{LIST}\nkeep = \"1 month\""));
    small.put("l_2026-01-01.csv", &list(&["ann,Lyon,1", "bob,Lyon,1"]));
    small.put("l_2026-02-01.csv", &list(&["ann,Lyon,1"]));
    small.night("2026-02-15");
    assert_eq!(small.stored("select count(*) from raw.list"), ["2"]);
    small.put("l_2026-02-20.csv", &list(&["ann,Lyon,1", "eve,Lyon,1"]));
    let output = small.night("2026-03-15").join("; ");
    assert!(output.contains("1 row left the table: kept for 1 month by valid_to"), "{output}");
    assert_eq!(small.stored("select email from raw.list order by email"), ["ann", "eve"]);
}

/// The state after each list, by instant, as it is made by hand.
#[derive(Default)]
struct Oracle {
    lists: BTreeMap<String, BTreeMap<String, String>>,
}

impl Oracle {
    /// What held before the instant.
    fn as_of(&self, instant: &str) -> Vec<String> {
        let known = self.lists.range(..instant.to_owned()).next_back();
        known
            .map(|(_, list)| list.iter().map(|(key, row)| format!("{key} {row}")).collect())
            .unwrap_or_default()
    }
}

/// `SILLAGE_LISTS=500` tries that many sequences; five without.
#[test]
fn random_lists_over_random_nights_are_the_state_of_each_instant() {
    let tries: u64 = std::env::var("SILLAGE_LISTS").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    for seed in 0..tries {
        let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (nightly, at_once) = (Small::new(LIST), Small::new(LIST));
        let mut oracle = Oracle::default();
        let mut list: BTreeMap<String, String> = BTreeMap::new();
        let days: Vec<u32> = (1..28).filter(|_| chance.gen_bool(0.35)).collect();
        let Some(&end) = days.last() else { continue };
        for day in &days {
            for n in 0..12 {
                let key = format!("p{n:02}");
                match chance.gen_range(0..6) {
                    0 => drop(list.remove(&key)),
                    1 | 2 => {
                        let city = ["", "Lyon", "Nice"][chance.gen_range(0..3)];
                        let points = ["", "1", "2"][chance.gen_range(0..3)];
                        list.insert(key, format!("{city} {points}"));
                    }
                    _ => {}
                }
            }
            oracle.lists.insert(format!("2026-06-{day:02}"), list.clone());
            // In any order, in one to three parts.
            let mut parts = vec![HEADER.to_owned(); chance.gen_range(1..4)];
            let count = parts.len();
            for (key, row) in &list {
                parts[chance.gen_range(0..count)] += &format!("{key},{}\n", row.replace(' ', ","));
            }
            for (n, part) in parts.iter().enumerate() {
                let name = format!("part{n}/l_2026-06-{day:02}.csv");
                nightly.put(&name, part);
                at_once.put(&name, part);
            }
            if chance.gen_bool(0.6) {
                nightly.night(&format!("2026-06-{:02} 12:00", day));
            }
        }
        let last = format!("2026-06-{end:02} 13:00");
        nightly.night(&last);
        at_once.night(&last);
        for _ in 0..12 {
            let at = format!("2026-06-{:02}", chance.gen_range(1..30));
            let at = if chance.gen_bool(0.5) { at } else { format!("{at} 00:00:01") };
            let expected = oracle.as_of(&at);
            assert_eq!(nightly.seen(STATE, &at), expected, "seed {seed}, as of {at}");
            assert_eq!(at_once.seen(STATE, &at), expected, "seed {seed}, as of {at}, all at once");
        }
        let all = "select * except (_file, _line, _run) from raw.list order by email, valid_from";
        assert_eq!(nightly.stored(all), at_once.stored(all), "seed {seed}");
        let overlapping = "select count(*) from raw.list a join raw.list b on a.email = b.email \
                           where a.valid_from < b.valid_from and (a.valid_to is null or a.valid_to > b.valid_from)";
        assert_eq!(nightly.stored(overlapping), ["0"], "seed {seed}");
    }
}
