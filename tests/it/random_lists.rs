//! Random audiences, computed by the binary and by plain Rust over the same rows.
//!
//! Each warehouse has customers, tables with several rows per customer, rows without a customer, nulls,
//! duplicates, incomplete consents and rows of tomorrow; each audience has rules with and without subqueries,
//! exclusions, an address, a limit, a control group and a ranking. Decisions, lists and waterfall must be what `oracle`
//! computes without SQL.
//!
//! `SILLAGE_AUDIENCES=2000` tries that many (twenty without it).

mod audience;
mod condition;
mod oracle;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use self::audience::Drawn;
use self::oracle::Decision;
use self::world::World;
use crate::shop::{CommandResult, query, sillage};

/// Audiences drawn in one run over one warehouse.
const AT_ONCE: usize = 25;

#[test]
fn random_lists_are_those_that_plain_rust_draws() {
    let asked: usize = std::env::var("SILLAGE_AUDIENCES").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let mut message = BTreeMap::<&str, usize>::new();
    let mut left = asked;
    for seed in 0.. {
        if left == 0 {
            break;
        }
        let many = left.min(AT_ONCE);
        left -= many;
        let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
        let world = World::drawn(&mut chance, seed);
        let audiences: Vec<Drawn> =
            (0..many).map(|n| Drawn::at_random(&mut chance, &world, format!("a{n:02}"))).collect();
        let folder = tempfile::tempdir().unwrap();
        world.write(folder.path());
        published(&world, &audiences, folder.path(), seed, &mut message);
        counted(&world, folder.path(), seed, &mut message);
    }
    println!("{asked} audiences: {message:?}");
    // A trial that draws nobody, or leaves nobody off, tries nothing.
    for what in [
        "on a list",
        "control group",
        "beyond the limit",
        "off for consent",
        "off by a condition",
        "off without an address",
        "off for a bounce",
    ] {
        assert!(message.get(what).copied().unwrap_or(0) > 0, "{what}: {message:?}");
    }
}

/// The run publishes, and everything in it is what the oracle says.
fn published(
    world: &World,
    audiences: &[Drawn],
    folder: &Path,
    seed: u64,
    message: &mut BTreeMap<&'static str, usize>,
) {
    let sections: String = audiences.iter().map(Drawn::toml).collect();
    let ran = run(world, folder, "lists", &sections);
    assert_eq!(ran.code, Some(0), "warehouse {seed}: {}\n{sections}", ran.stderr);
    let warehouse = folder.join("lists");
    let decisions = rows(
        &warehouse,
        "select audience, customer_id, position, reason, score, rank, unknown from mart.list_decisions",
    );
    let lists =
        rows(&warehouse, "select audience, customer_id, channel, rank, is_control from mart.target_lists");
    let waterfall = rows(&warehouse, "select audience, position, reason, customers from mart.list_waterfall");
    assert_eq!(decisions.len(), audiences.len() * world.people.len(), "warehouse {seed}");
    for drawn in audiences {
        let place = || format!("warehouse {seed}, {}", drawn.toml());
        let expected = oracle::decide(world, drawn);
        let found: BTreeMap<String, Decision> = decisions
            .iter()
            .filter(|row| row[0] == drawn.name)
            .map(|row| (row[1].clone(), Decision::found(&row[2..])))
            .collect();
        assert_eq!(found.len(), world.people.len(), "a customer of {}", place());
        for (customer, decision) in &expected {
            let found = &found[customer];
            assert!(decision.agrees(found), "{customer}: {decision:?}, found {found:?} in {}", place());
        }
        // The list, nobody twice on it.
        let listed = oracle::list(drawn, &expected);
        let on_list: Vec<Vec<String>> = lists.iter().filter(|r| r[0] == drawn.name).cloned().collect();
        let people: BTreeSet<&String> = on_list.iter().map(|row| &row[1]).collect();
        assert_eq!(people.len(), on_list.len(), "somebody twice in {}", place());
        assert_eq!(sorted(on_list), sorted(listed), "{}", place());
        // The waterfall, to the last person.
        let lines: Vec<Vec<String>> =
            waterfall.iter().filter(|row| row[0] == drawn.name).map(|row| row[1..].to_vec()).collect();
        assert_eq!(sorted(lines), sorted(oracle::waterfall(world, drawn, &expected)), "{}", place());
        oracle::count(drawn, &expected, message);
    }
}

/// A table in `from` that has several rows of a customer, or rows of nobody, is refused with how many;
/// where it happens to have none, the list is drawn.
fn counted(world: &World, folder: &Path, seed: u64, message: &mut BTreeMap<&'static str, usize>) {
    let section = "[audiences.seen]\nfrom = [\"mart.people\", \"mart.visits\"]\nwhere = \"page is not null\"\n\
                   rank_by = \"orders\"\nchannel = \"email\"\nconsent = false\n";
    let ran = run(world, folder, "counted", section);
    let (customers, repeated, nobody) = world.visits_of();
    let mut expected = Vec::new();
    if customers > 0 {
        let has = if customers == 1 { "customer has" } else { "customers have" };
        expected.push(format!("{customers} {has} {repeated} of its {} rows", world.visits.len()));
    }
    if nobody > 0 {
        let rows = if nobody == 1 { "row" } else { "rows" };
        expected.push(format!("mart.visits has {nobody} {rows} without a customer_id"));
    }
    if expected.is_empty() {
        ran.published();
        return;
    }
    *message.entry("refused runs").or_default() += 1;
    assert_eq!(ran.code, Some(1), "warehouse {seed}: {}", ran.stderr);
    for line in expected {
        assert!(ran.stderr.contains(&line), "warehouse {seed}: `{line}` is not told in {}", ran.stderr);
    }
}

fn run(world: &World, folder: &Path, warehouse: &str, sections: &str) -> CommandResult {
    let file = folder.join(format!("pipelines/{warehouse}.toml"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, world.toml(folder, sections)).unwrap();
    let warehouse = folder.join(warehouse);
    // The engine joins in other ways on one core, and where memory is limited.
    let limits: &[&str] = match world.seed % 3 {
        0 => &["--memory-limit", "200MB"],
        1 => &["--threads", "1"],
        _ => &[],
    };
    let command = ["run", file.to_str().unwrap(), "--warehouse", warehouse.to_str().unwrap()];
    sillage(command.iter().chain(limits))
}

fn rows(warehouse: &Path, sql: &str) -> Vec<Vec<String>> {
    let text = query(warehouse, sql);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn sorted(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    rows.sort();
    rows
}
