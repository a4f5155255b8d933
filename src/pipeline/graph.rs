//! Who reads whose table: the graph of steps, worked out from table names alone.

use std::collections::{BTreeMap, BTreeSet};

use super::step::DeclaredStep;
use crate::dag::{Cycle, Dag};
use crate::error::Error;
use crate::identity;
use crate::name::{StepName, TableName};
use crate::suggestion::did_you_mean;

/// The graph, or all that is wrong with it: two makers of a table, a table nobody makes, a cycle.
pub fn graph(steps: &BTreeMap<StepName, DeclaredStep>) -> Result<Dag<StepName>, Vec<Error>> {
    let mut errors = Vec::new();
    let mut makers: BTreeMap<TableName, &StepName> = BTreeMap::new();
    for (name, step) in steps {
        for table in step.step().tables_made() {
            if let Some(other) = makers.insert(table.clone(), name) {
                errors.push(
                    Error::config(format!("{table} is made twice: by {other} and by {name}"))
                        .hint("a table has one maker; rename or delete one of them"),
                );
            }
        }
    }
    let mut edges: Vec<(StepName, BTreeSet<StepName>)> = Vec::new();
    for (name, step) in steps {
        let mut needs = BTreeSet::new();
        for table in step.step().reads() {
            match makers.get(&table) {
                Some(maker) => {
                    needs.insert((*maker).clone());
                }
                // The history of earlier runs may be read like any table.
                None if table.schema() == "ops" => {}
                None => errors.push(unknown_table(&table, name, step, &makers)),
            }
        }
        edges.push((name.clone(), needs));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Dag::new(edges).map_err(|Cycle(chain)| {
        let chain = chain.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ");
        vec![
            Error::config(format!("the models read each other in a circle: {chain}"))
                .hint("each arrow is \"is read by\"; take one of them out"),
        ]
    })
}

fn unknown_table(
    table: &TableName,
    name: &StepName,
    step: &DeclaredStep,
    makers: &BTreeMap<TableName, &StepName>,
) -> Error {
    let mut error = Error::config(format!("{name} reads {table}, which nothing makes")).about(table);
    if let DeclaredStep::Model(step) = step {
        error = step.model.place(error);
    }
    if *table == identity::table(identity::CUSTOMER_IDS) {
        return error.hint("say who is who: add [identity]");
    }
    let made: Vec<String> = makers.keys().map(ToString::to_string).collect();
    let near = did_you_mean(&table.to_string(), made.iter().map(String::as_str));
    error.hint(near.unwrap_or_else(|| "add a model or a source for it".to_owned()))
}
