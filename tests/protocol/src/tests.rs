use std::collections::HashSet;

use stateright::{Checker, DiscoveryClassification, HasDiscoveries};

use super::*;
use Verb::{Backup, Forget, Night, Optimize, Restore, Vacuum};

fn asked(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

fn nights(writers: usize, crashes: u8) -> Protocol {
    Protocol { verbs: vec![Night; writers], history: 0, crashes, mistake: None }
}

/// On a warehouse of three releases.
fn verbs(verbs: &[Verb], crashes: u8) -> Protocol {
    Protocol { verbs: verbs.to_vec(), history: 3, crashes, mistake: None }
}

fn check(model: Protocol) {
    let threads = std::thread::available_parallelism().unwrap().get();
    let (verbs, crashes) = (model.verbs.clone(), model.crashes);
    let checker = model.checker().threads(threads).spawn_bfs().join();
    let unlike = checker.unique_state_count();
    println!("{verbs:?}, {crashes} crashes: {} states, {unlike} of them unlike", checker.state_count());
    checker.assert_properties();
}

/// `PROTOCOL_WRITERS=3 PROTOCOL_CRASHES=1` for other bounds: more than ten million states.
#[test]
fn whatever_the_order_no_release_is_half_lost_or_double() {
    match std::env::var("PROTOCOL_WRITERS") {
        Ok(_) => check(nights(asked("PROTOCOL_WRITERS", 3), asked("PROTOCOL_CRASHES", 1) as u8)),
        Err(_) => [nights(3, 0), nights(2, 2)].into_iter().for_each(check),
    }
}

#[test]
fn verbs_that_delete_copy_and_publish_again_do_no_harm_asleep_or_killed() {
    let crashes = asked("PROTOCOL_CRASHES", 1) as u8;
    for pair in [
        [Forget, Night],
        [Forget, Forget],
        [Forget, Optimize],
        [Forget, Restore],
        [Forget, Vacuum],
        [Forget, Backup],
        [Vacuum, Night],
        [Vacuum, Vacuum],
        [Vacuum, Optimize],
        [Vacuum, Restore],
        [Vacuum, Backup],
        [Optimize, Night],
        [Restore, Night],
        [Restore, Optimize],
    ] {
        check(verbs(&pair, crashes));
    }
}

/// All that can be reached, each state as `stand_in` makes it.
fn reached(model: &Protocol, stand_in: fn(State) -> State) -> HashSet<State> {
    let mut seen: HashSet<State> = model.init_states().into_iter().map(stand_in).collect();
    let mut next: Vec<State> = seen.iter().cloned().collect();
    let mut actions = Vec::new();
    while let Some(state) = next.pop() {
        model.actions(&state, &mut actions);
        for action in actions.drain(..) {
            if let Some(state) = model.follow(&state, action).map(stand_in)
                && seen.insert(state.clone())
            {
                next.push(state);
            }
        }
    }
    seen
}

#[test]
fn what_is_reached_by_states_that_stand_for_others_is_what_is_reached_by_all() {
    let models = [
        nights(2, 0),
        nights(2, 1),
        nights(3, 0),
        verbs(&[Forget, Night], 0),
        verbs(&[Forget, Vacuum], 0),
        verbs(&[Restore, Vacuum], 1),
        verbs(&[Optimize, Forget], 0),
    ];
    for model in models {
        let all = reached(&model, |state| state);
        let standing = reached(&model, State::alike);
        assert!(standing.len() <= all.len());
        let count = all.len();
        let of_all: HashSet<State> = all.into_iter().map(State::alike).collect();
        println!("{:?}: {count} states, {} of them unlike", model.verbs, standing.len());
        assert!(standing == of_all, "{:?}: {} and {}", model.verbs, standing.len(), of_all.len());
    }
}

/// `PROTOCOL_THREES=8` for all of them.
#[test]
fn three_verbs_at_once_do_no_harm() {
    let threes = [
        [Forget, Optimize, Backup],
        [Vacuum, Restore, Night],
        [Forget, Vacuum, Restore],
        [Forget, Forget, Night],
        [Forget, Night, Night],
        [Forget, Vacuum, Night],
        [Forget, Restore, Night],
        [Vacuum, Vacuum, Backup],
    ];
    for three in &threes[..asked("PROTOCOL_THREES", 2)] {
        check(verbs(three, 0));
    }
}

/// Each is looked for where it does harm with the fewest writers.
#[test]
fn each_mistake_is_found_out() {
    use Mistake::*;
    let forget_night = verbs(&[Forget, Night], 1);
    for (mistake, model) in [
        (DecisionIsNotLookedFor, nights(2, 1)),
        (IntentIsPutOverAnother, nights(2, 0)),
        (LateIntentIsCarriedOut, nights(2, 0)),
        (CommitIsPutWhateverIsThere, nights(2, 1)),
        (TransactionIsNotLookedAt, nights(2, 1)),
        (ReleaseComesBeforeItsTables, nights(1, 0)),
        (IntentGoesBeforeTheRelease, nights(2, 1)),
        (ShelfIsNotLookedAtAgain, nights(2, 0)),
        (OwnFilesAreSwept, nights(1, 0)),
        (FilesOfEarlierNumbersAreSwept, nights(3, 0)),
        (StragglerKeepsItsFiles, forget_night.clone()),
        (OrderIsPutAfterTheRelease, forget_night.clone()),
        (OrderIsDroppedFirst, forget_night.clone()),
        (OrdersAreNotLookedAt, verbs(&[Forget, Restore], 0)),
        (OrderOfAnotherIsCarriedOut, forget_night.clone()),
        (PurgeDoesNotLookAtTheLock, forget_night.clone()),
        (PurgeListsAfterItsLook, forget_night.clone()),
        (PurgeDeletesFilesFirst, forget_night.clone()),
        (PurgeDeletesTheWholeJournal, forget_night.clone()),
        (PurgeDeletesTheWholeLog, forget_night.clone()),
        (PurgeDeletesNewerShelves, forget_night.clone()),
        (LogGoesBeforeItsCheckpoint, forget_night.clone()),
        (CheckpointIsNotTakenBack, verbs(&[Forget, Forget], 0)),
        (ShelvesGoBeforeFiles, forget_night.clone()),
        (VacuumPublishesNothing, verbs(&[Vacuum, Night], 0)),
        (VacuumDoesNotLookAtTheLock, verbs(&[Vacuum, Night], 0)),
        (VacuumDeletesFilesFirst, verbs(&[Vacuum], 0)),
        (VacuumDeletesReleasesAfterItsLook, verbs(&[Vacuum, Restore], 0)),
        (VacuumKeepsFilesOfTheLastAlone, verbs(&[Vacuum, Night], 0)),
        (BackupSkipsWhatIsGone, verbs(&[Forget, Backup], 0)),
        (BackupDoesNotLookAtItsReleaseAgain, verbs(&[Forget, Backup], 0)),
    ] {
        let model = Protocol { mistake: Some(mistake), ..model };
        let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let broken: Vec<_> = checker
            .discoveries()
            .into_iter()
            .filter(|(name, _)| {
                matches!(checker.discovery_classification(name), DiscoveryClassification::Counterexample)
            })
            .map(|(name, path)| (name, path.into_actions().len()))
            .collect();
        println!("{mistake:?}: {broken:?}");
        assert!(!broken.is_empty(), "{mistake:?} is not found out");
    }
}
