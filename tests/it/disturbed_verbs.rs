//! Commands that are killed, and commands one of whose system calls fails: what each does undisturbed is found out once
//! for both.

use crate::failing_calls::{Trials, calls_fail};
use crate::killed_verbs::are_killed;

#[test]
fn a_verb_that_is_killed_or_meets_a_failure_ends_as_if_nothing_had_happened() {
    let trials = Trials::new();
    let unharmed = trials.all_unharmed();
    let is_asked = |name: &str| std::env::var_os(name).is_some();
    // Whoever asks for many of one does not ask for the other.
    let (kills, calls) = (is_asked("SILLAGE_VERB_KILLS"), is_asked("SILLAGE_CALLS"));
    if kills || !calls {
        are_killed(&trials, &unharmed);
    }
    if calls || !kills {
        calls_fail(&trials, &unharmed);
    }
}
