//! `--select` and `--exclude`: which steps of the graph a run takes.
//!
//! `mart.segments` one step; `+x` with everything it reads; `x+` with everything that reads it;
//! `kind:ingest` all of a kind; `tag:finance` all that make a table with the tag; `mart.*` all of a schema. Several are separated by spaces or commas.

use std::collections::BTreeSet;

use super::definition::Pipeline;
use crate::error::{Error, Result};
use crate::name::{StepName, TableName};
use crate::suggestion::did_you_mean;

/// The steps chosen by the two lists; an empty `select` means all.
///
/// # Errors
/// Terms that select no step, all of them.
pub fn select(pipeline: &Pipeline, select: &[String], exclude: &[String]) -> Result<BTreeSet<StepName>> {
    let mut errors = Vec::new();
    let mut union = |terms: &[String]| -> BTreeSet<StepName> {
        let mut steps = BTreeSet::new();
        for term in terms.iter().flat_map(|t| t.split([' ', ','])).filter(|t| !t.is_empty()) {
            match term_steps(pipeline, term) {
                Ok(found) => steps.extend(found),
                Err(error) => errors.push(error),
            }
        }
        steps
    };
    let chosen = if select.is_empty() { pipeline.steps.keys().cloned().collect() } else { union(select) };
    let excluded = union(exclude);
    Error::all(errors)?;
    Ok(chosen.difference(&excluded).cloned().collect())
}

fn term_steps(pipeline: &Pipeline, term: &str) -> Result<BTreeSet<StepName>> {
    let (upstream, rest) = match term.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, term),
    };
    let (downstream, name) = match rest.strip_suffix('+') {
        Some(name) => (true, name),
        None => (false, rest),
    };
    let made = |step: &StepName| pipeline.steps[step].step().tables_made();
    let matches = |step: &StepName| -> bool {
        if let Some(kind) = name.strip_prefix("kind:") {
            return pipeline.steps[step].step().kind() == kind;
        }
        if let Some(tag) = name.strip_prefix("tag:") {
            return made(step).iter().any(|table| tags(pipeline, table).any(|declared| declared == tag));
        }
        if let Some(schema) = name.strip_suffix(".*") {
            return made(step).iter().any(|t| t.schema() == schema);
        }
        step.as_str() == name || made(step).iter().any(|t| t.to_string() == name)
    };
    let found: BTreeSet<StepName> = pipeline.steps.keys().filter(|s| matches(s)).cloned().collect();
    if found.is_empty() {
        let known = selectable(pipeline);
        let near = did_you_mean(name, known.iter().map(String::as_str));
        return Err(Error::config(format!("`{term}` selects no step of {}", pipeline.name)).hint(
            near.unwrap_or_else(|| {
                format!(
                    "name a table, schema.*, tag:<name>, or kind:{}; `sillage plan` lists the steps",
                    kinds(&known)
                )
            }),
        ));
    }
    let mut steps = found.clone();
    if upstream {
        steps.extend(pipeline.graph.upstream(&found));
    }
    if downstream {
        steps.extend(pipeline.graph.downstream(&found));
    }
    Ok(steps)
}

/// Returns everything that a term may name: steps, their tables, schemas, kinds.
fn selectable(pipeline: &Pipeline) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for (name, step) in &pipeline.steps {
        let step = step.step();
        known.insert(name.to_string());
        known.insert(format!("kind:{}", step.kind()));
        for table in step.tables_made() {
            known.insert(format!("{}.*", table.schema()));
            known.insert(table.to_string());
            known.extend(tags(pipeline, &table).map(|tag| format!("tag:{tag}")));
        }
    }
    known
}

/// Returns the tags of a table.
fn tags<'p>(pipeline: &'p Pipeline, table: &TableName) -> impl Iterator<Item = &'p str> + use<'p> {
    let rules = pipeline.tables.get(table);
    rules.into_iter().flat_map(|rules| &rules.tags).map(String::as_str)
}

/// Returns the kinds of step among what may be named.
fn kinds(known: &BTreeSet<String>) -> String {
    known.iter().filter_map(|name| name.strip_prefix("kind:")).collect::<Vec<_>>().join("|")
}
