//! Each command is killed at any storage operation, once or several times: its output is complete or absent,
//! and the command again, or the next run, ends as if nothing had happened.
//!
//! `SILLAGE_VERB_KILLS=1000` kills that often, spread over the operations of all commands; without it eleven
//! times.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::failing_calls::{Trials, Unharmed, VERBS, Verb};
use crate::shop::CommandResult;

const SIGABRT: i32 = 6;
/// How often at most a verb is killed until it may end.
const KILLS_OF_ONE: u64 = 3;

/// Runs the verb up to the point; whether it was killed there, and how it ended.
fn killed_at(trials: &Trials, verb: &Verb, warehouse: &Path, point: u64) -> (bool, CommandResult) {
    let mut command = trials.nights.verb(verb.words, warehouse);
    let output = command.env("SILLAGE_FAULT_STOP", point.to_string()).output().unwrap();
    (output.status.signal() == Some(SIGABRT), CommandResult::of(output))
}

/// A verb that is killed ends as if nothing had happened.
pub fn are_killed(trials: &Trials, unharmed: &[Unharmed]) {
    let asked = std::env::var("SILLAGE_VERB_KILLS").ok().and_then(|n| n.parse().ok());
    let wanted: u64 = asked.unwrap_or(VERBS.len() as u64);
    let points: Vec<u64> = unharmed.iter().map(|unharmed| unharmed.points).collect();
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(wanted);
    let mut kills: BTreeMap<&str, u64> = BTreeMap::new();
    for n in (0..VERBS.len()).cycle() {
        if kills.values().sum::<u64>() >= wanted {
            break;
        }
        let (verb, unharmed) = (&VERBS[n], &unharmed[n]);
        let warehouse = trials.fresh(&unharmed.before);
        let mut trial = format!("{:?} killed at", verb.words);
        let mut ended = None;
        for _ in 0..chance.gen_range(1..=KILLS_OF_ONE) {
            let point = chance.gen_range(1..=points[n]);
            trial += &format!(" {point}");
            let (killed, ran) = killed_at(trials, verb, &warehouse, point);
            *kills.entry(verb.words[0]).or_default() += u64::from(killed);
            assert!(killed || ran.code == Some(0), "{trial}: {:?}: {}", ran.code, ran.stderr);
            ended = Some(ran);
            if !killed {
                break;
            }
        }
        let ran = ended.expect("it was begun at least once");
        trials.is_whole(verb, unharmed, &ran, chance.gen_bool(0.5), &warehouse, &trial);
    }
    println!("{} kills, 0 differences: {kills:?}; points: {points:?}", kills.values().sum::<u64>());
}
