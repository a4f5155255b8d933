//! Planning a run. Pure: everything it needs was observed before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::file_order::surprises;
use super::fingerprint::{self, Common};
use super::intake::{Asked, Intake, intake};
use super::observe::Observation;
use super::plan::{AsOfFrom, Beginning, Pinned, Plan, PlannedStep};
use super::request::Request;
use super::retention_policy;
use crate::clock::{Instant, show_instant};
use crate::error::{Error, Result};
use crate::name::StepName;
use crate::pipeline::{Pipeline, Step, raw_table, selector};
use crate::warehouse::journal::{Finished, Unfinished};

/// Plans the run.
///
/// # Errors
/// An instant older than the last release's without `backfill`, a source without files, a file
/// that changed after it was ingested, files that did not come as expected, a selector that selects
/// nothing, a retry of nothing, a replay of what is no source or is gone.
pub fn plan(pipeline: &Pipeline, request: &Request, seen: &Observation, now: Instant) -> Result<Plan> {
    let before = seen.unfinished.as_ref();
    let pinned: Option<Pinned> = before.and_then(|u| serde_json::from_value(u.begun.plan.clone()).ok());
    let request = match request.retry {
        false => request,
        true => &retried(request, seen, pinned.as_ref())?,
    };
    let chosen = selector::select(pipeline, &request.select, &request.exclude)?;
    let base = seen.release.as_ref().map(|r| r.release);

    let taken_up = before.map(|unfinished| may_take_up(pipeline, request, seen, unfinished, pinned.as_ref()));
    let (as_of, as_of_from) = match (&taken_up, before, request.as_of, pipeline.as_of) {
        // A run that was cut off keeps its own instant; one that failed is over, and has none.
        _ if request.forgetting => (
            seen.last_as_of
                .ok_or_else(|| Error::config("nothing was published yet: nobody is to be forgotten"))?,
            AsOfFrom::Release,
        ),
        (Some(Ok(())), Some(cut_off), _, _) if !cut_off.failed => (cut_off.begun.as_of, AsOfFrom::Resumed),
        (_, _, Some(asked), _) => (asked, AsOfFrom::Request),
        (_, _, None, Some(fixed)) => (fixed, AsOfFrom::Pipeline),
        (_, _, None, None) => (now, AsOfFrom::Now),
    };
    if let Some(last) = seen.last_as_of
        && as_of < last
        && !request.backfill
        && as_of_from != AsOfFrom::Resumed
    {
        return Err(Error::config(format!(
            "the instant {} is older than the last release's, {}",
            show_instant(as_of),
            show_instant(last)
        ))
        .hint("say --backfill to publish the past over it, or give a later --as-of"));
    }
    // A failure may have been mended by a file that came since.
    let pins = match (&taken_up, before) {
        (Some(Ok(())), Some(cut_off)) if !cut_off.failed => pinned.as_ref(),
        _ => None,
    };

    let common = Common { pipeline, seen, as_of, full_refresh: request.full_refresh };
    let mut steps = Vec::new();
    let mut fingerprints = BTreeMap::new();
    let mut errors = unknown_replays(pipeline, request, &chosen);
    for name in pipeline.graph.order().into_iter().filter(|name| chosen.contains(name)) {
        let step = &pipeline.steps[&name];
        let planned = match step {
            Step::Ingest(source) if request.forgetting => Ok(Intake {
                why: match source.person {
                    Some(_) => "the person's rows are taken out".to_owned(),
                    None => "no row is anybody's".to_owned(),
                },
                ..Intake::default()
            }),
            Step::Ingest(source) => {
                let pin = pins.and_then(|p| p.files.get(&source.name));
                let raw = raw_table(&source.name);
                let existing = seen.release.as_ref().is_some_and(|last| last.tables.contains_key(&raw))
                    && !request.full_refresh;
                let (kept, lost) =
                    retention_policy::planned(pipeline, source, as_of, seen.last_as_of, existing);
                let asked = Asked { as_of, pinned: pin, replay: request.replay.contains(&source.name) };
                intake(source, seen, &asked).map(|mut intake| {
                    if let Some(kept) = kept {
                        intake.why.push_str(&format!("; {kept}"));
                    }
                    intake.warnings.extend(lost);
                    let versions = pipeline.versions(source);
                    let ledger = seen.ledgers.get(&source.name).cloned().unwrap_or_default();
                    intake.warnings.extend(surprises(
                        source,
                        versions.as_ref(),
                        &intake.files,
                        &ledger,
                        as_of,
                        pipeline.timezone,
                    ));
                    intake
                })
            }
            _ => Ok(Intake { why: "recomputed every night".to_owned(), ..Intake::default() }),
        };
        match planned {
            Ok(intake) => {
                let fingerprint = common.of_step(&name, &intake, &fingerprints);
                fingerprints.insert(name.clone(), fingerprint.clone());
                steps.push(Arc::new(PlannedStep {
                    kind: step.kind(),
                    fingerprint,
                    reads: step.reads().iter().map(ToString::to_string).collect(),
                    intake,
                    name,
                }));
            }
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    let beginning = match (taken_up, before) {
        (Some(Ok(())), Some(unfinished)) => {
            let same = |(step, finished): &(&StepName, &Finished)| {
                fingerprints.get(*step) == Some(&finished.fingerprint)
            };
            let finished: BTreeSet<StepName> =
                unfinished.finished.iter().filter(same).map(|(step, _)| step.clone()).collect();
            match (unfinished.failed, finished.is_empty()) {
                (true, true) => Beginning::Fresh,
                (failed, _) => Beginning::TakeUp { run: unfinished.begun.run, failed, finished },
            }
        }
        // A failed run is over: that it is not taken up goes without saying.
        (Some(Err(because)), Some(unfinished)) if !unfinished.failed => {
            Beginning::Discard { run: unfinished.begun.run, because }
        }
        _ => Beginning::Fresh,
    };
    Ok(Plan {
        pipeline: pipeline.name.clone(),
        run: base.unwrap_or(0) + 1,
        as_of,
        as_of_from,
        base,
        fingerprint: fingerprint::of_request(pipeline, request, &chosen),
        beginning,
        steps,
        asked: Pinned {
            select: request.select.clone(),
            exclude: request.exclude.clone(),
            full_refresh: request.full_refresh,
            backfill: request.backfill,
            forgetting: request.forgetting,
            replay: request.replay.clone(),
            files: BTreeMap::new(),
        },
    })
}

/// The request of the run that was cut off or failed, with the limits of the new one.
fn retried(request: &Request, seen: &Observation, pinned: Option<&Pinned>) -> Result<Request> {
    let (Some(unfinished), Some(pinned)) = (&seen.unfinished, pinned) else {
        let told = match &seen.release {
            Some(last) => format!("there is nothing to retry: run {} was published", last.release),
            None => "there is nothing to retry: nothing was run yet".to_owned(),
        };
        return Err(Error::config(told).hint("`sillage run` starts a new one"));
    };
    Ok(Request {
        as_of: Some(unfinished.begun.as_of),
        backfill: pinned.backfill,
        select: pinned.select.clone(),
        exclude: pinned.exclude.clone(),
        full_refresh: pinned.full_refresh,
        replay: pinned.replay.clone(),
        ..request.clone()
    })
}

/// Whether the run before may be taken up, else why not.
fn may_take_up(
    pipeline: &Pipeline,
    request: &Request,
    seen: &Observation,
    unfinished: &Unfinished,
    pinned: Option<&Pinned>,
) -> Result<(), String> {
    if request.forgetting {
        return Err("a person is to be forgotten, who may be in what it has staged".to_owned());
    }
    if pinned.is_some_and(|pinned| pinned.forgetting) {
        return Err("it was forgetting somebody, who is still there: `sillage forget` again".to_owned());
    }
    let begun = &unfinished.begun;
    let last = seen.release.as_ref().map(|r| r.release);
    if begun.pipeline != pipeline.name {
        return Err(format!("it was a run of the pipeline {}", begun.pipeline));
    }
    if !unfinished.failed && begun.base != last {
        return Err("another release was published since".to_owned());
    }
    if request.as_of.is_some_and(|asked| asked != begun.as_of) {
        return Err(format!("it was as of {}", show_instant(begun.as_of)));
    }
    Ok(())
}

/// The sources whose replay cannot be: no such source, not among the chosen steps, read anew anyway.
fn unknown_replays(pipeline: &Pipeline, request: &Request, chosen: &BTreeSet<StepName>) -> Vec<Error> {
    let sources: Vec<&str> = pipeline.sources().map(|source| source.name.as_str()).collect();
    let mut errors = Vec::new();
    for source in &request.replay {
        if !sources.contains(&source.as_str()) {
            errors.push(
                Error::config(format!("{} has no source `{source}`", pipeline.name))
                    .hint(format!("its sources are {}", sources.join(", "))),
            );
        } else if !chosen.contains(&StepName::from(&raw_table(source))) {
            errors.push(
                Error::config(format!(
                    "the refused records of {source} are to be read again, but raw.{source} is not selected"
                ))
                .hint("leave out --select and --exclude, or select it too"),
            );
        }
    }
    if request.full_refresh && !request.replay.is_empty() {
        errors.push(
            Error::config(
                "--full-refresh reads all records anew, the refused ones too: there is nothing to replay",
            )
            .hint("use one of the two"),
        );
    }
    errors
}
