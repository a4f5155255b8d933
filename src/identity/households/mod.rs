//! Households: customers who live together by declared rules over their golden records.
//!
//! Keys are computed and ordered in SQL; in memory are a few words per customer.

mod declaration;

use declaration::{ADDRESS, HouseholdRule};
pub use declaration::{Households, HouseholdsDeclaration};

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use super::equal_keys::{Groups, group_id, grouped};
use super::golden_record::GOLDEN_RECORDS;
use super::spelling::{Subject, spelling};
use super::standardise;
use super::tables::table;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::step::StepOutput;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Layout, Mode};

/// Grain: one row per customer of `core.golden_records`, in their order. Who lives alone, or of whom no
/// address is known, is a household of one member. `position` counts a household's members from 1, so
/// that one letter per household goes to `position = 1`; `rule` is the one by which the customer lives
/// with others.
pub const HOUSEHOLDS: &str = "households";
/// The column of a customer's number: no attribute has such a name.
const NUMBER: &str = "\"#\"";
/// Between the parts of a key.
const AND: char = '\u{1f}';

/// Finds who lives together.
///
/// The id of a household follows from its smallest member's, so that it stays while that member does
/// and depends on no order.
///
/// # Errors
/// The SQL does not run, or there are more customers than can be numbered.
pub async fn households(catalog: &Catalog, households: &Households) -> Result<StepOutput> {
    let doing = "find the households";
    let golden = table(GOLDEN_RECORDS);
    let session = catalog.session([&golden], None).await?;
    session.register_functions(standardise::functions(&households.writing.placeholders));
    let customers = session.table(&golden).await?.count().await.doing(doing)? as u64;
    let keys = session.sql(&keys(households, &golden)).await.doing(doing)?;
    let groups = grouped(keys, customers, households.max_members, doing).await?;

    let mut notes = vec![summary(&groups)];
    if groups.crowded_keys > 0 {
        notes.push(format!(
            "{} names at one address are shared by more than {} customers: they are not households",
            groups.crowded_keys, households.max_members
        ));
    }
    if groups.crowded_groups > 0 {
        notes.push(format!(
            "{} households would have more than {} members by a rule: the rule did not join them",
            groups.crowded_groups, households.max_members
        ));
    }
    let ordered = session
        .sql(&format!(
            "select cast(customer_id as varchar) as customer_id from {golden} order by customer_id"
        ))
        .await
        .doing(doing)?;
    let mut members = Members::of(groups, &households.rules);
    let rows = ordered.execute_stream().await.doing(doing)?;
    let rows = rows.map(move |batch| members.rows(&batch?).map_err(|e| DataFusionError::External(e.into())));
    let rows = Box::pin(RecordBatchStreamAdapter::new(schema(), rows));
    let staged = catalog
        .warehouse()
        .stage_streams(&table(HOUSEHOLDS), Mode::Replace, Layout::OneFile, vec![rows])
        .await?;
    Ok(StepOutput::of(vec![staged]).with_notes(notes))
}

/// SQL for the keys that customers hold by each rule; customers are numbered in the order of their ids.
fn keys(households: &Households, golden: &TableName) -> String {
    let country = quoted(&households.writing.country);
    let has = |column: &str| households.columns.iter().any(|c| c == column);
    let text = |column: &str| format!("cast(\"{column}\" as varchar)");
    let spelled = |column: &str| spelling(Subject::Person, column, &text(column), &country);
    let address = || {
        let number = match has("house_number") {
            true => format!(
                "coalesce(standard_house_number({}), standard_house_number({}))",
                text("house_number"),
                text("street")
            ),
            false => format!("standard_house_number({})", text("street")),
        };
        let place: Vec<String> = ["postcode", "city"].into_iter().filter(|c| has(c)).map(spelled).collect();
        format!(
            "(standard_street({}) || '{AND}' || coalesce({number}, '') || '{AND}' || coalesce({}))",
            text("street"),
            place.join(", ")
        )
    };
    let by_rule = households.rules.iter().enumerate().map(|(n, rule)| {
        let parts = rule.same.iter().map(|word| if word == ADDRESS && !has(ADDRESS) { address() } else { spelled(word) });
        let same = parts.collect::<Vec<_>>().join(&format!(" || '{AND}' || "));
        match &rule.shares_word {
            None => format!(
                "select cast({n} as bigint) as rule, {same} as key, {NUMBER} as member from numbered where {same} is not null"
            ),
            // A lone letter is an initial.
            Some(column) => format!(
                "select distinct cast({n} as bigint) as rule, word || '{AND}' || same as key, member
                 from (select {NUMBER} as member, {same} as same, unnest(string_to_array({}, ' ')) as word from numbered)
                 where same is not null and character_length(word) > 1",
                spelled(column)
            ),
        }
    });
    format!(
        "with numbered as (
           select *, cast(row_number() over (order by customer_id) as bigint) - 1 as {NUMBER} from {golden})
         {}",
        by_rule.collect::<Vec<_>>().join(" union all ")
    )
}

fn summary(groups: &Groups) -> String {
    let together = groups.rules.iter().filter(|rule| rule.is_some()).count();
    let mut roots: Vec<u32> = groups
        .roots
        .iter()
        .zip(&groups.rules)
        .filter(|(_, rule)| rule.is_some())
        .map(|(root, _)| *root)
        .collect();
    roots.sort_unstable();
    roots.dedup();
    format!("{} households of several customers, {together} customers in them", roots.len())
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: &str| Field::new(name, DataType::Int64, true);
    Arc::new(Schema::new(vec![
        text("customer_id"),
        text("household_id"),
        number("members"),
        number("position"),
        text("rule"),
    ]))
}

/// Gives every customer, as they pass in order, a place in a household.
struct Members {
    groups: Groups,
    rules: Vec<String>,
    sizes: HashMap<u32, i64>,
    /// Of households of several: the id, and how many members have passed.
    met: HashMap<u32, (String, i64)>,
    passed: usize,
}

impl Members {
    fn of(groups: Groups, rules: &[HouseholdRule]) -> Self {
        let mut sizes = HashMap::new();
        for (root, rule) in groups.roots.iter().zip(&groups.rules) {
            if rule.is_some() {
                *sizes.entry(*root).or_default() += 1;
            }
        }
        let rules = rules.iter().map(HouseholdRule::name).collect();
        Members { groups, rules, sizes, met: HashMap::new(), passed: 0 }
    }

    fn rows(&mut self, customers: &RecordBatch) -> Result<RecordBatch> {
        let (mut ids, mut sizes, mut positions, mut rules) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for customer in customers.column(0).as_string::<i32>() {
            let customer = customer.unwrap_or_default();
            let (root, rule) = match (self.groups.roots.get(self.passed), self.groups.rules.get(self.passed))
            {
                (Some(root), Some(rule)) => (*root, *rule),
                _ => return Err(Error::failed("there are more customers than were counted")),
            };
            self.passed += 1;
            match rule.and_then(|rule| self.rules.get(rule as usize)) {
                None => {
                    ids.push(group_id('h', &[customer]));
                    sizes.push(1);
                    positions.push(1);
                    rules.push(None);
                }
                Some(rule) => {
                    // The root is the smallest: it passes first.
                    let (id, passed) =
                        self.met.entry(root).or_insert_with(|| (group_id('h', &[customer]), 0));
                    *passed += 1;
                    ids.push(id.clone());
                    sizes.push(self.sizes.get(&root).copied().unwrap_or(1));
                    positions.push(*passed);
                    rules.push(Some(rule.clone()));
                }
            }
        }
        let columns: Vec<ArrayRef> = vec![
            customers.column(0).clone(),
            Arc::new(StringArray::from(ids)),
            Arc::new(Int64Array::from(sizes)),
            Arc::new(Int64Array::from(positions)),
            Arc::new(StringArray::from(rules)),
        ];
        RecordBatch::try_new(schema(), columns).doing("write the households")
    }
}
