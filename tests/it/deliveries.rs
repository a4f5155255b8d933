//! How delivered files are identified: by name and content, as an edition of another, as the same content
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use flate2::{Compression, GzBuilder};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use sillage::run::{Mode, Request};

use crate::small::{Small, request};

const PRICES: &str = "key = [\"sku\"]\ncolumns = { sku = \"text\", price = \"integer\" }";
const SALES: &str = "columns = { sku = \"text\", price = \"integer\" }";
const PRICE: &str = "select sku, price from raw.list order by sku, price";

fn prices(rows: &[(&str, i64)]) -> String {
    let rows: String = rows.iter().map(|(sku, price)| format!("{sku},{price}\n")).collect();
    format!("sku,price\n{rows}")
}

#[test]
fn a_price_that_is_what_it_was_is_so_again() {
    let days = ["p_2026-06-01.csv", "p_2026-06-02.csv", "p_2026-06-03.csv"];
    let output = [10, 12, 10].map(|price| prices(&[("a", price), ("b", 5)]));
    let small = Small::new(PRICES);
    for (day, text) in days.iter().zip(&output) {
        small.put(day, text);
    }
    small.night("2026-06-05");
    assert_eq!(small.seen(PRICE, "2026-06-05"), ["a 10", "b 5"]);
    // Night by night, and each file cleared away once it was read.
    let small = Small::new(PRICES);
    for (n, (day, text)) in days.iter().zip(&output).enumerate() {
        small.put(day, text);
        small.night(&format!("2026-06-0{}", n + 2));
        assert_eq!(small.seen(PRICE, "2026-06-30")[0], format!("a {}", [10, 12, 10][n]));
        small.remove(day);
        small.put("zz_empty.csv", "sku,price\n");
    }
}

#[test]
fn a_file_that_is_moved_does_not_become_the_latest() {
    let small = Small::new(PRICES);
    small.put("p_1.csv", &prices(&[("a", 10)]));
    small.put("p_2.csv", &prices(&[("a", 12)]));
    small.night("2026-06-02");
    small.rename("p_1.csv", "processed/p_1.csv");
    small.night("2026-06-03");
    small.rename("processed/p_1.csv", "processed/done/p_1.csv");
    small.night("2026-06-04");
    assert_eq!(small.seen(PRICE, "2026-06-05"), ["a 12"]);
    assert_eq!(
        small.stored("select file, rows, same_as from ops.sources where same_as is not null order by file"),
        ["processed/done/p_1.csv 0 p_1.csv", "processed/p_1.csv 0 p_1.csv"]
    );
}

#[test]
fn without_a_key_two_equal_files_stop_the_run_until_the_source_says_what_they_are() {
    let mut small = Small::new(SALES);
    small.put("lyon/06-01.csv", &prices(&[("a", 1), ("b", 2)]));
    small.put("nice/06-01.csv", &prices(&[("a", 1), ("b", 2)]));
    let error = small.fails("2026-06-02");
    for messages in
        ["nice/06-01.csv is lyon/06-01.csv again", "source list", "same_content = \"read\"", "\"skip\""]
    {
        assert!(error.contains(messages), "{error}");
    }
    small.declare(&format!("same_content = \"skip\"\n{SALES}"));
    small.night("2026-06-02");
    assert_eq!(small.stored("select count(*) from raw.list"), ["2"]);
    // Known by now, whatever is declared later.
    small.declare(&format!("same_content = \"read\"\n{SALES}"));
    small.put("metz/06-01.csv", &prices(&[("a", 1), ("b", 2)]));
    small.night("2026-06-03");
    assert_eq!(small.stored("select count(*) from raw.list"), ["4"]);
    // The stop is the same in another night, and for a file that was only renamed.
    small.declare(SALES);
    small.rename("metz/06-01.csv", "metz/renamed.csv");
    assert!(small.fails("2026-06-04").contains("metz/renamed.csv is lyon/06-01.csv again"));
}

/// Packed under a name and a time that its header keeps.
fn gzip(text: &str, at: u32) -> Vec<u8> {
    let mut encoder =
        GzBuilder::new().filename("export.csv").mtime(at).write(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_content_is_the_same_however_it_is_packed() {
    let text = prices(&[("a", 1), ("b", 2)]);
    let mut small = Small::new(SALES);
    small.put("06-01.csv", &gzip(&text, 1));
    small.put("06-02.csv", &gzip(&text, 2));
    assert!(small.fails("2026-06-02").contains("06-02.csv is 06-01.csv again"));
    small.remove("06-02.csv");
    small.night("2026-06-02");
    // In a later night: packed again, by another program, and not at all.
    for bytes in [gzip(&text, 3), zstd::encode_all(text.as_bytes(), 1).unwrap(), text.clone().into_bytes()] {
        small.put("06-03.csv", &bytes);
        assert!(small.fails("2026-06-03").contains("06-03.csv is 06-01.csv again"));
    }
    // The same file, packed again under its name, is known.
    small.remove("06-03.csv");
    small.put("06-01.csv", &gzip(&text, 4));
    small.night("2026-06-03");
    assert_eq!(small.stored("select count(*) from raw.list"), ["2"]);
    // Plain first, packed afterwards; two in one night of which one is plain.
    small = Small::new(SALES);
    small.put("06-01.csv", &text);
    small.night("2026-06-02");
    small.put("06-02.csv", &gzip(&text, 1));
    assert!(small.fails("2026-06-03").contains("06-02.csv is 06-01.csv again"));
    small = Small::new(&format!("same_content = \"skip\"\n{SALES}"));
    small.put("06-01.csv", &text);
    small.put("06-02.csv", &gzip(&text, 1));
    small.put("06-03.csv", &gzip(&prices(&[("a", 1)]), 1));
    small.night("2026-06-04");
    assert_eq!(small.stored("select count(*) from raw.list"), ["3"]);
}

#[test]
fn a_file_whose_name_size_and_time_are_known_is_not_read_again() {
    let small = Small::new(SALES);
    small.put("06-01.csv", &prices(&[("a", 1)]));
    small.night("2026-06-02");
    // Whoever reads it finds another content, which would stop the run.
    let at = small.modified("06-01.csv");
    small.put("06-01.csv", &prices(&[("a", 2)]));
    assert!(small.fails("2026-06-03").contains("changed after it was ingested: 06-01.csv"));
    small.set_modified("06-01.csv", at);
    small.night("2026-06-03");
    assert_eq!(small.stored(PRICE), ["a 1"]);
}

#[test]
fn files_without_rows_count_as_come() {
    let daily = format!("date_in_name = \"%Y-%m-%d\"\nexpect = \"daily\"\n{SALES}");
    let small = Small::new(&daily);
    small.put("t_2026-06-01.csv", &prices(&[("a", 9)]));
    small.put("t_2026-06-02.csv", &prices(&[]));
    small.put("t_2026-06-03.csv", &prices(&[]));
    small.night("2026-06-04");
    for day in 1..4 {
        small.remove(&format!("t_2026-06-0{day}.csv"));
    }
    small.put("t_2026-06-04.csv", &prices(&[]));
    small.night("2026-06-05");
    assert_eq!(small.stored("select count(*) from raw.list"), ["1"]);
    // A delivery that is skipped came, too, wherever it lies later.
    let small = Small::new(&format!("same_content = \"skip\"\n{daily}"));
    small.put("t_2026-06-01.csv", &prices(&[("a", 9)]));
    small.put("t_2026-06-02.csv", &prices(&[("a", 9)]));
    small.night("2026-06-03");
    small.remove("t_2026-06-02.csv");
    small.put("t_2026-06-03.csv", &prices(&[("a", 7)]));
    small.night("2026-06-04");
    assert_eq!(small.stored("select count(*) from raw.list"), ["2"]);
}

#[test]
fn refused_rows_of_equal_files_are_each_read_again() {
    let mut small = Small::new(&format!("same_content = \"read\"\ntolerance = 0.9\n{SALES}"));
    let text = "sku,price\na,1\nb,dear\n";
    small.put("lyon.csv", text);
    small.put("nice.csv", text);
    small.night("2026-06-02");
    small.rename("lyon.csv", "archive_lyon.csv");
    small.declare(&format!("same_content = \"skip\"\ntolerance = 0.9\nnull = [\"dear\"]\n{SALES}"));
    let replay = Request { mode: Mode::Replay(["list".to_owned()].into()), ..request("2026-06-03") };
    small.try_run(replay.clone()).unwrap();
    assert_eq!(
        small.stored("select _file, _line, sku from raw.list where price is null order by 1"),
        ["lyon.csv 3 b", "nice.csv 3 b"]
    );
    small.try_run(replay).unwrap();
    assert_eq!(small.stored("select count(*) from raw.list"), ["4"]);
}

const EDITIONS: &str = "replaces = \"s_{month}[_v{version}].csv\"\ntolerance = 0.9\n\
                        columns = { sku = \"text\", price = \"integer\" }";

#[test]
fn a_newer_edition_takes_the_place_of_the_older() {
    let small = Small::new(EDITIONS);
    small.put("s_01.csv", &prices(&[("a", 1), ("b", 2), ("c", 3)]));
    small.put("s_02.csv", &prices(&[("a", 20)]));
    small.night("2026-03-01");
    small.put("s_01_v2.csv", &prices(&[("a", 1), ("b", 7)]));
    let output = small.night("2026-03-02");
    assert_eq!(output, ["s_01_v2.csv replaces s_01.csv: 2 rows in place of 3"]);
    assert_eq!(small.seen(PRICE, "2026-03-02"), ["a 1", "a 20", "b 7"]);
    // Ten is newer than nine, and both than two; what comes late adds nothing.
    small.put("s_01_v10.csv", &prices(&[("a", 100)]));
    small.night("2026-03-03");
    small.put("s_01_v9.csv", &prices(&[("a", 99)]));
    small.night("2026-03-04");
    assert_eq!(small.seen(PRICE, "2026-03-04"), ["a 20", "a 100"]);
    assert_eq!(
        small.stored(
            "select file, run, rows, replaced_by from ops.sources where replaced_by is not null order by run"
        ),
        ["s_01.csv 2 0 s_01_v2.csv", "s_01_v2.csv 3 0 s_01_v10.csv", "s_01_v9.csv 4 0 s_01_v10.csv"]
    );
    let error = {
        small.put("t_01.csv", &prices(&[]));
        small.fails("2026-03-05")
    };
    assert!(error.contains("t_01.csv") && error.contains("in brackets"), "{error}");
}

#[test]
fn an_empty_edition_is_warned_of_and_refused_rows_of_the_old_wait_no_more() {
    let small = Small::new(EDITIONS);
    small.put("s_01.csv", "sku,price\na,1\nb,dear\n");
    small.night("2026-03-01");
    small.put("s_01_v2.csv", &prices(&[]));
    let output = small.night("2026-03-02");
    assert_eq!(output, ["s_01_v2.csv replaces s_01.csv: 0 rows in place of 1"]);
    assert_eq!(
        small.stored(
            "select file, line, dismissed_by, dismissed_because from ops.quarantine where state = 'dismissed'"
        ),
        ["s_01.csv 3 sillage replaced by s_01_v2.csv"]
    );
    assert_eq!(small.stored("select count(*) from raw.list"), ["0"]);
}

#[test]
fn a_pattern_declared_later_does_away_with_what_was_doubled() {
    let mut small = Small::new(SALES);
    small.put("s_01.csv", &prices(&[("a", 1)]));
    small.put("s_01_v2.csv", &prices(&[("a", 2)]));
    small.night("2026-03-01");
    small.declare(EDITIONS);
    let output = small.night("2026-03-02");
    assert_eq!(output, ["s_01_v2.csv replaces s_01.csv: 1 rows left"]);
    assert_eq!(small.seen(PRICE, "2026-03-02"), ["a 2"]);
    assert_eq!(small.night("2026-03-03"), [""; 0], "once");
}

/// What is visible after all files came, by plain Rust.
fn visible(files: &BTreeMap<String, String>, kind: Kind) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    let mut of_key: BTreeMap<String, String> = BTreeMap::new();
    let mut contents = BTreeSet::new();
    let mut newest: BTreeMap<String, (u32, &str)> = BTreeMap::new();
    for (name, text) in files {
        let lines = text.lines().skip(1).map(|line| line.replace(',', " "));
        match kind {
            Kind::Keyed => lines.for_each(|line| {
                of_key.insert(line.split(' ').next().unwrap().to_owned(), line);
            }),
            Kind::Read => rows.extend(lines),
            Kind::Skip => {
                if contents.insert(text) {
                    rows.extend(lines);
                }
            }
            Kind::Editions => {
                let (of, version) = name.trim_end_matches(".csv").rsplit_once("_v").unwrap();
                let version = version.parse().unwrap();
                let entry = newest.entry(of.to_owned()).or_insert((version, text));
                if version >= entry.0 {
                    *entry = (version, text);
                }
            }
        }
    }
    rows.extend(of_key.into_values());
    for (_, text) in newest.into_values() {
        rows.extend(text.lines().skip(1).map(|line| line.replace(',', " ")));
    }
    rows.sort();
    rows
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Keyed,
    Read,
    Skip,
    Editions,
}

/// `SILLAGE_DELIVERIES=400` tries that many years of deliveries; eight without.
///
/// Any order of arrival, any split over nights, equal contents, files moved or cleared away: what is
/// visible in the end is the same as in one night, and as plain Rust says.
#[test]
fn any_order_of_deliveries_over_any_nights_ends_in_the_same_rows() {
    let tries: u64 = std::env::var("SILLAGE_DELIVERIES").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    for seed in 0..tries {
        let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
        let kind = [Kind::Keyed, Kind::Read, Kind::Skip, Kind::Editions][(seed % 4) as usize];
        let declared = match kind {
            Kind::Keyed => format!("date_in_name = \"%Y-%m-%d\"\n{PRICES}"),
            Kind::Read => format!("same_content = \"read\"\n{SALES}"),
            Kind::Skip => format!("same_content = \"skip\"\n{SALES}"),
            Kind::Editions => {
                format!("same_content = \"read\"\nreplaces = \"p_{{month}}_v{{version}}.csv\"\n{SALES}")
            }
        };
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for n in 0..chance.gen_range(4..10_u32) {
            let rows: Vec<(&str, i64)> = ["a", "b", "c"][..chance.gen_range(0..4)]
                .iter()
                .map(|sku| (*sku, chance.gen_range(1..3)))
                .collect();
            let name = match kind {
                Kind::Editions => format!("p_{:02}_v{}.csv", chance.gen_range(1..4), n + 1),
                _ => format!("p_2026-06-{:02}.csv", n + 1),
            };
            files.insert(name, prices(&rows));
        }
        let at_once = Small::new(&declared);
        for (name, text) in &files {
            at_once.put(name, text);
        }
        at_once.night("2026-07-01");

        let nightly = Small::new(&declared);
        nightly.put(
            if matches!(kind, Kind::Editions) { "p_00_v1.csv" } else { "p_2026-05-01.csv" },
            &prices(&[]),
        );
        let mut names: Vec<&String> = files.keys().collect();
        names.shuffle(&mut chance);
        for (n, name) in names.into_iter().enumerate() {
            nightly.put(name, &files[name]);
            if chance.gen_bool(0.5) {
                nightly.night(&format!("2026-07-01 00:00:{:02}", n + 1));
                match chance.gen_range(0..4) {
                    // Skipped contents stay known by the names they had.
                    0 => nightly.remove(name),
                    1 if matches!(kind, Kind::Keyed) => nightly.rename(name, &format!("processed/{name}")),
                    _ => {}
                }
            }
        }
        nightly.night("2026-07-02");
        let expected = visible(&files, kind);
        let sql = "select sku, price from raw.list order by sku, price";
        assert_eq!(at_once.seen(sql, "2026-07-03"), expected, "seed {seed}, {kind:?}, at once");
        assert_eq!(nightly.seen(sql, "2026-07-03"), expected, "seed {seed}, {kind:?}, night by night");
    }
}
