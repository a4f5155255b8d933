//! Rules of metrics and objectives: their SQL, the tables they are of, and that objectives are of metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::checking::Checking;
use super::steps::Draft;
use crate::error::Error;
use crate::metric::{Metric, MetricSection, Metrics, Objective, ObjectiveSection};
use crate::model::sql::tables_asked;
use crate::name::{StepName, TableName};
use crate::pipeline::step::DeclaredStep;
use crate::suggestion::{did_you_mean, did_you_mean_or_list};

impl Checking<'_, '_> {
    /// Adds the step of the metrics and their objectives.
    pub(super) fn metrics(
        &mut self,
        metrics: &BTreeMap<String, MetricSection>,
        objectives: &BTreeMap<String, ObjectiveSection>,
        draft: &mut Draft,
    ) {
        let mut checked = Vec::new();
        for (name, section) in metrics {
            let key = ["metrics", name.as_str()];
            if self.mart_name(&key, name)
                && let Some(metric) = self.section(&key, section.check(name))
                && self.metric_reads_its_table(&metric)
            {
                checked.push(metric);
            }
        }
        let mut aimed = Vec::new();
        for (name, section) in objectives {
            let key = ["objectives", name.as_str()];
            if self.mart_name(&key, name)
                && let Some(objective) = self.section(&key, section.check(name))
                && self.objective_has_a_metric(&objective, metrics)
            {
                aimed.push(objective);
            }
        }
        if !checked.is_empty() {
            let keys = draft.sources.values().map(|source| (source.raw_table(), source.contract.key.clone()));
            let step = Metrics { metrics: checked, objectives: aimed, record_keys: keys.collect() };
            draft.steps.insert(StepName::new("mart.metrics"), DeclaredStep::Metrics(Arc::new(step)));
        }
    }

    /// The SQL of a metric is over one row: a row that read other tables could not be compared between releases.
    fn metric_reads_its_table(&mut self, metric: &Metric) -> bool {
        let mut is_sound = true;
        for (key, sql) in metric.expressions() {
            let place = ["metrics", metric.name.as_str(), key];
            let asked = self.take(&place, tables_asked(sql));
            if let Some(other) = asked.as_ref().and_then(|tables| tables.first()) {
                let wrong = format!("a metric is of the rows of one table, but its `{key}` reads {other}");
                self.wrong(
                    &place,
                    Error::config(wrong)
                        .hint("join the tables in a model, and let the metric be of its table"),
                );
            }
            is_sound &= asked.is_some_and(|tables| tables.is_empty());
        }
        is_sound
    }

    fn objective_has_a_metric(
        &mut self,
        objective: &Objective,
        metrics: &BTreeMap<String, MetricSection>,
    ) -> bool {
        let Some(metric) = metrics.get(&objective.metric) else {
            let error = Error::config(format!("there is no metric `{}`", objective.metric));
            let known = metrics.keys().map(String::as_str);
            let error = match metrics.is_empty() {
                true => error.hint("declare [metrics.<name>]"),
                false => error.hint(did_you_mean_or_list(&objective.metric, known, "the metrics are")),
            };
            self.wrong(&["objectives", &objective.name, "metric"], error);
            return false;
        };
        let unknown = objective.of.as_ref().filter(|(dimension, _)| !metric.dimensions.contains(dimension));
        if let Some((dimension, _)) = unknown {
            let error =
                Error::config(format!("the metric {} has no dimension `{dimension}`", objective.metric));
            let known = metric.dimensions.iter().map(String::as_str);
            let error = match metric.dimensions.is_empty() {
                true => error
                    .hint(format!("add dimensions = [\"{dimension}\"] to [metrics.{}]", objective.metric)),
                false => error.hint(did_you_mean_or_list(dimension, known, "its dimensions are")),
            };
            self.wrong(&["objectives", &objective.name, "dimension"], error);
        }
        unknown.is_none()
    }

    /// Rows are compared between releases by the key of their table.
    pub(super) fn metrics_are_of_keyed_tables(
        &mut self,
        metrics: &BTreeMap<String, MetricSection>,
        draft: &Draft,
        all_sections: bool,
    ) {
        let mut made: BTreeSet<TableName> =
            draft.steps.values().flat_map(|step| step.step().tables_made()).collect();
        made.extend(draft.models.keys().cloned());
        made.extend(draft.sources.values().map(|source| source.raw_table()));
        // What was left out for its errors would make its metrics look wrong too.
        let is_whole = all_sections && self.all_models && self.errors.is_empty();
        for (name, MetricSection { table, .. }) in metrics {
            let place = ["metrics", name.as_str(), "table"];
            if !made.contains(table) {
                if is_whole {
                    let known: Vec<String> = made.iter().map(ToString::to_string).collect();
                    let near = did_you_mean(&table.to_string(), known.iter().map(String::as_str));
                    self.wrong(
                        &place,
                        Error::config(format!("the metric is of {table}, which nothing makes"))
                            .hint(near.unwrap_or_else(|| "add a model or a source for it".to_owned())),
                    );
                }
            } else if !has_key(draft, table) {
                let hint = match draft.models.get(table) {
                    Some(model) => format!("write key = [\"…\"] into {}", model.properties_path().display()),
                    None if table.schema() == "raw" => {
                        format!("write key = [\"…\"] into its source {}", table.table())
                    }
                    None => format!("write key = [\"…\"] into {}/{}.toml", table.schema(), table.table()),
                };
                self.wrong(
                    &place,
                    Error::config(format!(
                        "the metric is of {table}, which has no key: its rows are told apart by it"
                    ))
                    .hint(hint),
                );
            }
        }
    }
}

fn has_key(draft: &Draft, table: &TableName) -> bool {
    let of_records = || draft.sources.values().any(|s| s.raw_table() == *table && !s.contract.key.is_empty());
    draft.tables.get(table).is_some_and(|rules| !rules.key.is_empty()) || of_records()
}
