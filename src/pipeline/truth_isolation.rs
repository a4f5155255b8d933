//! The linkage never sees the truth that it is judged by: the graph says so before anything runs.

use std::collections::{BTreeMap, BTreeSet};

use super::step::DeclaredStep;
use crate::dag::Dag;
use crate::error::{Error, Result};
use crate::name::{StepName, TableName};

/// Nothing that the truth of `[match_quality]` is made from may reach `[identity]`, directly or through
/// models. A source that both are made from could carry the truth in a column, so it is refused too.
///
/// # Errors
/// The linkage could see the truth, or the truth is made from what was linked.
pub fn require_unseen(steps: &BTreeMap<StepName, DeclaredStep>, graph: &Dag<StepName>) -> Result<()> {
    let truth = steps.values().find_map(|step| match step {
        DeclaredStep::Quality(quality) => quality.truth.as_ref(),
        _ => None,
    });
    let Some(truth) = truth else { return Ok(()) };
    let maker =
        steps.iter().find(|(_, step)| step.step().tables_made().contains(truth)).map(|(name, _)| name);
    let identity =
        steps.iter().find(|(_, step)| matches!(step, DeclaredStep::Identity(_))).map(|(name, _)| name);
    let (Some(maker), Some(identity)) = (maker, identity) else { return Ok(()) };
    let of_truth = graph.upstream([maker]);
    if of_truth.contains(identity) {
        return Err(Error::config(format!(
            "{truth} is made from what [identity] links: {}",
            way(graph, identity, maker)
        ))
        .hint("a linkage judged by itself is always right: bring the truth in as a source of its own"));
    }
    // In the order of the graph, the last one is nearest to the truth: the truth itself, if it is seen.
    let of_linkage = graph.upstream([identity]);
    let seen = graph.order().into_iter().rfind(|step| of_truth.contains(step) && of_linkage.contains(step));
    match seen {
        None => Ok(()),
        Some(step) => Err(seen_by_linkage(truth, &way(graph, &step, identity), step == *maker)),
    }
}

fn seen_by_linkage(truth: &TableName, way: &str, whole: bool) -> Error {
    let what = if whole { "the truth" } else { "what the truth is made from" };
    Error::config(format!("the linkage would see {what} ({truth}): {way}"))
        .hint("the truth comes from a source of its own, which nothing that [identity] reads is made from")
}

/// The steps from one to another that is made from it.
fn way(graph: &Dag<StepName>, from: &StepName, to: &StepName) -> String {
    let between: BTreeSet<StepName> = graph.downstream([from]);
    let mut steps = vec![to];
    while let Some(next) = steps
        .last()
        .filter(|last| **last != from)
        .and_then(|last| graph.needs(last).find(|needed| between.contains(*needed)))
    {
        steps.push(next);
    }
    steps.reverse();
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ")
}
