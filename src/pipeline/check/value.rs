//! The sections of values, of purchases and of contracts, and of what keeps their promises.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use super::checking::Checking;
use super::mining::{Features, declared_in};
use super::undated::Makers;
use crate::error::Error;
use crate::mining::forecast::{ForecastSection, Forecasts, Promise};
use crate::mining::value::{ContractParams, ContractValue, DeclaredValue, Value, ValueParams, ValueSection};
use crate::mining::{Cutoffs, FeatureQuery, KEY};
use crate::name::{StepName, TableName};
use crate::pipeline::step::DeclaredStep;

impl Checking<'_, '_> {
    /// Adds a step for each value.
    pub(super) fn values(
        &mut self,
        sections: &BTreeMap<String, ValueSection>,
        features: Features,
        zone: Tz,
        steps: &mut BTreeMap<StepName, DeclaredStep>,
    ) {
        let mut values = Vec::new();
        for (name, section) in sections {
            let key = ["value", name.as_str()];
            let known = features.makers(steps);
            if !self.mart_name(&key, name) {
                continue;
            }
            match self.section(&key, section.check()) {
                Some(DeclaredValue::Purchases(params)) => {
                    let value = self.value_of_purchases(name, params, section, features, known, zone);
                    values.extend(
                        value.map(|value| (value.table("value"), DeclaredStep::Value(Arc::new(value)))),
                    );
                }
                Some(DeclaredValue::Contracts(params)) => {
                    let value = self.value_of_contracts(name, params, section, known, zone);
                    values.extend(
                        value.map(|value| {
                            (value.table("value"), DeclaredStep::ContractValue(Arc::new(value)))
                        }),
                    );
                }
                None => {}
            }
        }
        steps.extend(values.into_iter().map(|(table, step)| (StepName::from(&table), step)));
    }

    fn value_of_purchases(
        &mut self,
        name: &str,
        params: ValueParams,
        section: &ValueSection,
        features: Features,
        known: Makers,
        zone: Tz,
    ) -> Option<Value> {
        let key = ["value", name];
        let has_time =
            self.has_time(&["value", name, "purchases", "events"], &params.purchases.events, known);
        let customers = self.customers_of_value(&key, params.customers.as_ref(), features, known)?;
        let cutoffs = self.cutoffs_of_value(&key, section, zone)?;
        let base = customers.as_ref().map_or(&params.purchases.events, |query| &query.table);
        let by_records = known.knows_customers(base) || known.knows_customers(&params.purchases.events);
        has_time.then(|| Value { name: name.to_owned(), params, customers, cutoffs, by_records })
    }

    /// Contracts are asked about the past at cut-offs, and by promises; their days alone do not say when they were known.
    fn value_of_contracts(
        &mut self,
        name: &str,
        params: ContractParams,
        section: &ValueSection,
        known: Makers,
        zone: Tz,
    ) -> Option<ContractValue> {
        let table = &params.contracts.table;
        let is_dated = !params.has_days() || known.undated(table).is_empty();
        if !is_dated {
            let error = Error::config(format!(
                "the past of {table} is asked about, but it does not declare when its rows became known"
            ));
            let hint = format!("declare time, valid_from or static in {}", declared_in(table, known));
            self.wrong(&["value", name, "contracts", "table"], error.hint(hint));
        }
        if params.contracts.id == KEY && known.knows_customers(table) {
            let error = Error::config(
                "customers are found by records, and one of then may be another tonight: a contract needs an id of its own",
            );
            self.wrong(&["value", name, "contracts", "id"], error.hint("for example id = \"contract_id\""));
            return None;
        }
        let cutoffs = self.cutoffs_of_value(&["value", name], section, zone)?;
        is_dated.then(|| ContractValue { name: name.to_owned(), params, cutoffs })
    }

    /// Adds the step that keeps what values and propensities promise.
    pub(super) fn forecasts(
        &mut self,
        section: Option<ForecastSection>,
        is_something_declared: bool,
        steps: &mut BTreeMap<StepName, DeclaredStep>,
    ) {
        let Some(section) = section else { return };
        let of: Vec<Arc<dyn Promise>> = steps
            .values()
            .filter_map(|step| match step {
                DeclaredStep::Value(value) => Some(value.promise()),
                DeclaredStep::ContractValue(value) => value.promise(),
                DeclaredStep::Propensity(propensity) => propensity.promise(),
                _ => None,
            })
            .collect();
        if !of.is_empty() {
            let forecasts = Forecasts { every: section.every, of };
            steps.insert(StepName::new("core.forecasts"), DeclaredStep::Forecasts(Arc::new(forecasts)));
        } else if !is_something_declared || self.errors.is_empty() {
            // A section left out for its errors would only look like a missing one.
            let error = Error::config(
                "there is nothing to forecast: the pipeline has no value, and no propensity with a window",
            )
            .hint("declare one with [value.<name>], or take [forecasts] out");
            self.wrong(&["forecasts"], error);
        }
    }

    /// Returns the query of the customers, where a table of them is named.
    fn customers_of_value(
        &mut self,
        key: &[&str; 2],
        customers: Option<&TableName>,
        features: Features,
        known: Makers,
    ) -> Option<Option<FeatureQuery>> {
        let Some(customers) = customers else { return Some(None) };
        let model = self.made_by_model(&[key[0], key[1], "customers"], customers, features)?;
        self.knows_its_past(&[key[0], key[1], "customers"], &model, known).then(|| {
            Some(FeatureQuery {
                table: model.table.clone(),
                sql: model.sql.clone(),
                reads: model.reads.clone(),
            })
        })
    }

    fn cutoffs_of_value(
        &mut self,
        key: &[&str; 2],
        section: &ValueSection,
        zone: Tz,
    ) -> Option<Option<Cutoffs>> {
        let Some(cutoffs) = &section.cutoffs else { return Some(None) };
        self.cutoffs(&[key[0], key[1], "cutoffs"], cutoffs, zone).map(Some)
    }
}
