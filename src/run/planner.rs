//! Planning a run. Pure: everything it needs was observed before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::fingerprint::{self, Common};
use super::observe::Observation;
use super::plan::{AsOfFrom, Plan, PlannedStep, Resume, ResumeState};
use super::request::{Mode, Request};
use crate::clock::{Instant, show_instant};
use crate::error::{Error, Result};
use crate::ingest::{Asked, EraseRows, Ingest, Intake, SourceObservation, intake};
use crate::name::{StepName, TableName};
use crate::pipeline::{DeclaredStep, Pipeline, selector};
use crate::source::raw_table;
use crate::step::Step;
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::journal::{Finished, Unfinished};
use crate::warehouse::release::Release;

/// Plans the run.
///
/// # Errors
/// An instant older than the last release's without `backfill`, a source without files, a file
/// that changed after it was ingested, files that did not come as expected, a selector that selects
/// nothing, a retry of nothing, a replay of what is no source or is gone, a journal that cannot be read.
pub fn plan(pipeline: &Pipeline, request: &Request, seen: &Observation, now: Instant) -> Result<Plan> {
    let before = match &seen.unfinished {
        Some(unfinished) => Some(Before { unfinished, state: unfinished.begun.read_plan()? }),
        None => None,
    };
    let request = match request.mode {
        Mode::Retry => &retried(request, seen, before.as_ref())?,
        Mode::Night | Mode::Replay(_) | Mode::Forget => request,
    };
    let chosen = selector::select(pipeline, &request.select, &request.exclude)?;
    let base = seen.release.as_ref().map(|r| r.release);
    let resumable = before.map(|before| match may_resume(pipeline, request, seen, &before) {
        Ok(()) => Resumable::Yes(before),
        Err(because) => Resumable::No { run: before.run(), failed: before.failed(), because },
    });
    let cut_off = match &resumable {
        // A failure may have been fixed by a file that came since, and has no instant.
        Some(Resumable::Yes(before)) if !before.failed() => Some(before),
        _ => None,
    };
    let (as_of, as_of_from) = instant(pipeline, request, seen, cut_off, now)?;
    let mut planning = Planning {
        common: Common { pipeline, seen, as_of, full_refresh: request.full_refresh },
        request,
        pinned: cut_off.map(|before| &before.state),
        made: chosen.iter().flat_map(|name| pipeline.steps[name].step().tables_made()).collect(),
        steps: Vec::new(),
        intakes: BTreeMap::new(),
        fingerprints: BTreeMap::new(),
        errors: unknown_replays(pipeline, request, &chosen),
    };
    for name in pipeline.graph.order().into_iter().filter(|name| chosen.contains(name)) {
        planning.step(name);
    }
    let Planning { steps, intakes, fingerprints, errors, .. } = planning;
    Error::all(errors)?;
    Ok(Plan {
        pipeline: pipeline.name.clone(),
        run: base.unwrap_or(0) + 1,
        as_of,
        as_of_from,
        base,
        fingerprint: fingerprint::of_request(pipeline, request, &chosen),
        resume: resumable.map_or(Resume::Fresh, |resumable| resumable.with(&fingerprints)),
        steps,
        intakes,
        request: ResumeState {
            mode: request.mode.clone(),
            select: request.select.clone(),
            exclude: request.exclude.clone(),
            full_refresh: request.full_refresh,
            backfill: request.backfill,
            files: BTreeMap::new(),
        },
    })
}

/// The run before, where it was cut off or failed.
struct Before<'a> {
    unfinished: &'a Unfinished,
    state: ResumeState,
}

impl Before<'_> {
    fn run(&self) -> u64 {
        self.unfinished.begun.run
    }

    fn failed(&self) -> bool {
        self.unfinished.failed
    }
}

/// Whether the run before may be resumed.
enum Resumable<'a> {
    Yes(Before<'a>),
    No { run: u64, failed: bool, because: String },
}

impl Resumable<'_> {
    /// Returns how the run resumes, given the fingerprints of its steps.
    fn with(self, fingerprints: &BTreeMap<StepName, String>) -> Resume {
        let before = match self {
            Resumable::Yes(before) => before,
            // A failed run is over: not resuming it needs no message.
            Resumable::No { failed: true, .. } => return Resume::Fresh,
            Resumable::No { run, because, .. } => return Resume::Discard { run, because },
        };
        let same = |(step, finished): &(&StepName, &Finished)| {
            fingerprints.get(*step) == Some(&finished.fingerprint)
        };
        let finished: BTreeSet<StepName> =
            before.unfinished.finished.iter().filter(same).map(|(step, _)| step.clone()).collect();
        match (before.failed(), finished.is_empty()) {
            (true, true) => Resume::Fresh,
            (failed, _) => Resume::Continue { run: before.run(), failed, finished },
        }
    }
}

/// How far a clock may be behind the one that an instant was read from.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Returns the instant of the run, and why it is this one.
fn instant(
    pipeline: &Pipeline,
    request: &Request,
    seen: &Observation,
    cut_off: Option<&Before>,
    now: Instant,
) -> Result<(Instant, AsOfFrom)> {
    let (as_of, from) = match (cut_off, request.as_of, pipeline.as_of) {
        _ if request.mode == Mode::Forget => (
            seen.last_as_of
                .ok_or_else(|| Error::config("nothing was published yet: nobody is to be forgotten"))?,
            AsOfFrom::Release,
        ),
        // A run that was cut off keeps its own instant; one that failed is over, and has none.
        (Some(cut_off), _, _) => (cut_off.unfinished.begun.as_of, AsOfFrom::Resumed),
        (None, Some(asked), _) => (asked, AsOfFrom::Request),
        (None, None, Some(fixed)) => (fixed, AsOfFrom::Pipeline),
        (None, None, None) => (now, AsOfFrom::Now),
    };
    let chosen = matches!(from, AsOfFrom::Request | AsOfFrom::Pipeline);
    if chosen && as_of > now + CLOCK_SKEW && !request.future {
        return Err(Error::config(format!(
            "the instant {} has not come yet: what happens until then would be missing from the release",
            show_instant(as_of)
        ))
        .hint("give an --as-of that has passed, or say --future to publish it all the same"));
    }
    match seen.last_as_of {
        Some(last) if as_of < last && !request.backfill && from != AsOfFrom::Resumed => {
            Err(Error::config(format!(
                "the instant {} is older than the last release's, {}",
                show_instant(as_of),
                show_instant(last)
            ))
            .hint("say --backfill to publish the past over it, or give a later --as-of"))
        }
        _ => Ok((as_of, from)),
    }
}

/// The steps planned so far.
struct Planning<'a> {
    common: Common<'a>,
    request: &'a Request,
    /// What the run that is resumed had found.
    pinned: Option<&'a ResumeState>,
    /// The tables that the steps of this run make.
    made: BTreeSet<TableName>,
    steps: Vec<Arc<PlannedStep>>,
    intakes: BTreeMap<String, Arc<Intake>>,
    fingerprints: BTreeMap<StepName, String>,
    errors: Vec<Error>,
}

impl Planning<'_> {
    fn step(&mut self, name: StepName) {
        let (step, intake): (Arc<dyn Step>, Arc<Intake>) = match &self.common.pipeline.steps[&name] {
            DeclaredStep::Ingest(ingest) if self.request.mode == Mode::Forget => {
                let why = match ingest.source.contract.person {
                    Some(_) => "the person's rows are removed",
                    None => "no row belongs to a person",
                };
                (Arc::new(EraseRows(ingest.source.clone())), because(why))
            }
            DeclaredStep::Ingest(ingest) => match self.intake(ingest) {
                Ok(intake) => {
                    let ingest = ingest.taking_up(Arc::new(intake));
                    let intake = ingest.intake.clone();
                    self.intakes.insert(ingest.source.name.clone(), intake.clone());
                    (Arc::new(ingest), intake)
                }
                Err(error) => {
                    self.errors.push(error);
                    return;
                }
            },
            other => (other.step(), because("recomputed every night")),
        };
        let fingerprint = self.common.of_step(&name, step.as_ref(), &self.fingerprints);
        self.fingerprints.insert(name.clone(), fingerprint.clone());
        let Intake { why, warnings, notes, .. } = intake.as_ref();
        let mut warnings = warnings.clone();
        warnings.extend(self.older_inputs(step.as_ref()));
        warnings.extend(step.foresees(self.common.as_of, self.common.pipeline.timezone));
        self.steps.push(Arc::new(PlannedStep {
            name,
            step,
            fingerprint,
            why: why.clone(),
            warnings,
            notes: notes.clone(),
        }));
    }

    /// Says which tables a step reads as an earlier night left them, because what makes them was not selected.
    fn older_inputs(&self, step: &dyn Step) -> Option<String> {
        let last = self.common.seen.last_as_of.filter(|last| *last < self.common.as_of)?;
        let older: Vec<String> = step
            .reads()
            .iter()
            .filter(|table| table.schema() != "ops" && !self.made.contains(table))
            .map(ToString::to_string)
            .collect();
        (!older.is_empty()).then(|| {
            format!(
                "reads {} as of {}, which {} not selected; a + before a selected step selects what it reads",
                older.join(", "),
                show_instant(last),
                if older.len() == 1 { "was" } else { "were" }
            )
        })
    }

    fn intake(&self, ingest: &Ingest) -> Result<Intake> {
        let (source, Common { pipeline, seen, as_of, .. }) = (&ingest.source, &self.common);
        let is_released = |last: &Release| last.tables.contains_key(&source.raw_table());
        let asked = Asked {
            as_of: *as_of,
            last_as_of: seen.last_as_of,
            grows: seen.release.as_ref().is_some_and(is_released) && !self.request.full_refresh,
            zone: pipeline.timezone,
            pinned: self.pinned.and_then(|pinned| pinned.files.get(&source.name)),
            replay: self.request.mode.replays(&source.name),
        };
        let unseen = SourceObservation::default();
        intake(ingest, seen.sources.get(&source.name).unwrap_or(&unseen), &asked)
    }
}

/// Returns an intake of nothing, for this reason.
fn because(why: &str) -> Arc<Intake> {
    Arc::new(Intake { why: why.to_owned(), ..Intake::default() })
}

/// Returns the request of the run that was cut off or failed, with the limits of the new one.
fn retried(request: &Request, seen: &Observation, before: Option<&Before>) -> Result<Request> {
    let Some(Before { unfinished, state }) = before else {
        let why = match &seen.release {
            Some(last) => format!("there is nothing to retry: run {} was published", last.release),
            None => "there is nothing to retry: nothing was run yet".to_owned(),
        };
        return Err(Error::config(why).hint("`sillage run` starts a new one"));
    };
    Ok(Request {
        // A person is forgotten by `forget` alone, which knows who.
        mode: if state.mode == Mode::Forget { Mode::Night } else { state.mode.clone() },
        as_of: Some(unfinished.begun.as_of),
        backfill: state.backfill,
        // The run that is retried was allowed to.
        future: true,
        select: state.select.clone(),
        exclude: state.exclude.clone(),
        full_refresh: state.full_refresh,
        ..request.clone()
    })
}

/// Says why the run before may not be resumed.
fn may_resume(
    pipeline: &Pipeline,
    request: &Request,
    seen: &Observation,
    before: &Before,
) -> Result<(), String> {
    if request.mode == Mode::Forget {
        return Err("a person is to be forgotten, who may be in what it has staged".to_owned());
    }
    if before.state.mode == Mode::Forget {
        return Err("it was forgetting somebody, who is still there: `sillage forget` again".to_owned());
    }
    let begun = &before.unfinished.begun;
    let last = seen.release.as_ref().map(|r| r.release);
    if begun.pipeline != pipeline.name {
        return Err(format!("it was a run of the pipeline {}", begun.pipeline));
    }
    if !before.failed() && begun.base != last {
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
    for source in request.mode.replayed() {
        if !sources.contains(&source) {
            errors.push(
                Error::config(format!("{} has no source `{source}`", pipeline.name))
                    .hint(did_you_mean_or_list(source, sources.iter().copied(), "its sources are")),
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
    if request.full_refresh && matches!(request.mode, Mode::Replay(_)) {
        errors.push(
            Error::config(
                "--full-refresh reads all records anew, the refused ones too: there is nothing to replay",
            )
            .hint("use one of the two"),
        );
    }
    errors
}
