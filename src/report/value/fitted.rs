//! The value models of the release, and what the last run that fitted each wrote down of it.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::name::TableName;
use crate::report::reader::Reader;
use crate::report::rows::Rows;

const SQL: &str = "
    select m.model, m.part, m.name, m.position, m.value, m.note
    from ops.models m join (
      select pipeline, model, max(run) as last_run from ops.models where kind = 'value' group by 1, 2
    ) l on m.pipeline = l.pipeline and m.model = l.model and m.run = l.last_run
    where m.kind = 'value' and (
      m.part = 'status' or m.part = 'metric' or (m.part = 'parameter' and m.name in ('cutoff', 'horizon_weeks')))
    order by m.model, m.part, m.name, m.position";

/// A value model.
#[derive(Debug, Default)]
pub(super) struct FittedValue {
    pub name: String,
    pub why_not: Option<String>,
    pub remarks: Vec<String>,
    /// What it looks ahead.
    pub horizon_days: Option<i64>,
    /// Rank correlation with what came after the latest cut-off: of the promise, and of the amount so far.
    pub rank_correlations: Option<(f64, f64)>,
}

impl FittedValue {
    /// Returns a table that the model makes: `mart.<name>_value` for `value`.
    pub fn table(&self, what: &str) -> String {
        format!("mart.{}_{what}", self.name)
    }
}

/// Returns the models that have a table of values, by name.
///
/// # Errors
/// `ops.models` has other columns than sillage writes.
pub(super) async fn read(reader: &Reader<'_>) -> Result<Vec<FittedValue>> {
    let Some(rows) = Rows::of(reader.catalog, "ops.models", SQL).await? else { return Ok(Vec::new()) };
    let mut models: BTreeMap<String, FittedValue> = BTreeMap::new();
    let mut correlations: BTreeMap<(String, i64), [Option<f64>; 2]> = BTreeMap::new();
    for row in rows.numbers() {
        let (name, part, of) = (rows.text("model", row)?, rows.text("part", row)?, rows.text("name", row)?);
        let model = models.entry(name.to_owned()).or_default();
        model.name = name.to_owned();
        let (position, value) = (rows.count("position", row)?, rows.float("value", row)?);
        let note = || rows.text("note", row).map(str::to_owned);
        match (part, of) {
            ("status", "not_fitted") => model.why_not = Some(note()?),
            ("metric", "remark") => model.remarks.push(note()?),
            ("parameter", "horizon_weeks") => {
                model.horizon_days = value.map(|weeks| (weeks * 7.0).round() as i64);
            }
            ("metric", "spearman" | "spearman_of_past_margin") => {
                let pair = correlations.entry((name.to_owned(), position)).or_default();
                pair[usize::from(of != "spearman")] = value;
            }
            _ => {}
        }
    }
    // The last position is the latest cut-off.
    for ((name, _), pair) in correlations {
        if let (Some(model), [Some(promise), Some(past)]) = (models.get_mut(&name), pair) {
            model.rank_correlations = Some((promise, past));
        }
    }
    let mut known = Vec::new();
    for model in models.into_values() {
        let Ok(table) = model.table("value").parse::<TableName>() else { continue };
        if reader.catalog.table(&table).await?.is_some() {
            known.push(model);
        }
    }
    Ok(known)
}
