//! The section "Models": how good each propensity is, what it learnt, and what is to be said of it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::language::Language;
use super::reader::Reader;
use super::rows::Rows;
use super::scrolled::scrolled;
use crate::error::Result;

/// What of a model is shown, from the last run that wrote it.
const SQL: &str = "
    select m.pipeline, m.model, m.part, m.name, m.position, m.value, m.note
    from ops.models m join (
      select pipeline, model, max(run) as last_run from ops.models where kind = 'propensity' group by 1, 2
    ) l on m.pipeline = l.pipeline and m.model = l.model and m.run = l.last_run
    where m.kind = 'propensity' and m.part in ('status', 'metric', 'coefficient')
    order by 1, 2, 3, 4, 5";

/// `None` where the release has no propensity.
///
/// # Errors
/// A table that has other columns than sillage writes.
pub async fn section(reader: &Reader<'_>) -> Result<Option<Markup>> {
    let Some(rows) = Rows::of(reader.catalog, "ops.models", SQL).await?.filter(|rows| !rows.is_empty())
    else {
        return Ok(None);
    };
    let mut models: BTreeMap<(String, String), Model> = BTreeMap::new();
    for row in rows.numbers() {
        let text = |column: &str| Ok(rows.text(column, row)?.to_owned());
        let model = models.entry((text("pipeline")?, text("model")?)).or_default();
        model.take(
            (rows.text("part", row)?, rows.text("name", row)?, rows.count("position", row)?),
            rows.float("value", row)?,
            rows.text("note", row)?,
        );
    }
    Ok(Some(html! { @for ((_, name), model) in &models { (model.part(name, reader.language)) } }))
}

/// What is known of a model.
#[derive(Default)]
struct Model {
    why_not: Option<String>,
    figures: BTreeMap<String, f64>,
    remarks: Vec<String>,
    coefficients: BTreeMap<i64, Coefficient>,
}

#[derive(Default)]
struct Coefficient {
    unit: String,
    log_odds: Option<f64>,
    std_error: Option<f64>,
    inflation: Option<f64>,
}

impl Model {
    fn take(&mut self, (part, name, position): (&str, &str, i64), value: Option<f64>, note: &str) {
        match (part, name) {
            ("status", "not_fitted") => self.why_not = Some(note.to_owned()),
            ("metric", "remark") => self.remarks.push(note.to_owned()),
            ("metric", _) if position == 0 => self.figures.extend(value.map(|v| (name.to_owned(), v))),
            ("coefficient", _) => {
                let coefficient = self.coefficients.entry(position).or_default();
                match name {
                    "log_odds" => (coefficient.log_odds, coefficient.unit) = (value, note.to_owned()),
                    "std_error" => coefficient.std_error = value,
                    _ => coefficient.inflation = value,
                }
            }
            _ => {}
        }
    }

    /// A figure with its interval on the hold-out, and that of the folds.
    fn figure(&self, name: &str, language: Language) -> Option<(String, String)> {
        let show = |number: f64| language.decimal(number, 3);
        let of = |name: String| self.figures.get(&name).copied();
        let held_out = match (of(name.to_owned())?, of(format!("{name}_low")), of(format!("{name}_high"))) {
            (figure, Some(low), Some(high)) => {
                format!("{} ({} {} {})", show(figure), show(low), language.text("to", "à"), show(high))
            }
            (figure, ..) => show(figure),
        };
        let folds = match (of(format!("{name}_of_folds")), of(format!("{name}_of_folds_sd"))) {
            (Some(mean), Some(sd)) => format!("{} ± {}", show(mean), show(sd)),
            _ => String::new(),
        };
        Some((held_out, folds))
    }

    fn part(&self, name: &str, language: Language) -> Markup {
        let figures = [
            ("AUC", "auc"),
            (language.text("Brier score", "Score de Brier"), "brier"),
            (language.text("Lift of the top tenth", "Lift du premier dixième"), "top_decile_lift"),
        ];
        let shown = figures.map(|(title, name)| Some((title, self.figure(name, language)?)));
        let number = |value: Option<f64>| value.map(|value| language.decimal(value, 3)).unwrap_or_default();
        html! {
            h3 { (name) }
            @if let Some(reason) = &self.why_not {
                p { (language.text("Not fitted: ", "Pas ajusté : ")) span lang="en" { (reason) } "." }
            }
            @if shown.iter().any(Option::is_some) {
                (scrolled(name, &html! { table {
                    thead { tr {
                        th class="word" scope="col" { (language.text("Figure", "Mesure")) }
                        th scope="col" {
                            (language.text(
                                "Hold-out, and 95 of 100 resamples",
                                "Échantillon réservé, et 95 rééchantillonnages sur 100",
                            ))
                        }
                        th scope="col" { (language.text("Folds, mean and spread", "Plis, moyenne et écart")) }
                    } }
                    tbody {
                        @for (title, (held_out, folds)) in shown.iter().flatten() {
                            tr { th scope="row" { (title) } td { (held_out) } td { (folds) } }
                        }
                    }
                } }))
            }
            @if !self.remarks.is_empty() {
                ul class="notes" lang="en" { @for remark in &self.remarks { li { (remark) } } }
            }
            @if !self.coefficients.is_empty() {
                (scrolled(language.text("Coefficients", "Coefficients"), &html! { table {
                    thead { tr {
                        th class="word" scope="col" { (language.text("Per unit of", "Par unité de")) }
                        th scope="col" { (language.text("Log-odds", "Log-cotes")) }
                        th scope="col" { (language.text("Standard error", "Erreur type")) }
                        th scope="col" { (language.text("Variance inflation", "Inflation de la variance")) }
                    } }
                    tbody {
                        @for coefficient in self.coefficients.values() {
                            tr {
                                th scope="row" { (coefficient.unit) }
                                td { (number(coefficient.log_odds)) }
                                td { (number(coefficient.std_error)) }
                                td { (number(coefficient.inflation)) }
                            }
                        }
                    }
                } }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_shown_with_its_figures_and_what_was_learnt() {
        let mut model = Model::default();
        for (name, value) in [
            ("auc", 0.84),
            ("auc_low", 0.8),
            ("auc_high", 0.88),
            ("auc_of_folds", 0.83),
            ("auc_of_folds_sd", 0.01),
        ] {
            model.take(("metric", name, 0), Some(value), "");
        }
        model.take(("metric", "remark", 1), None, "`b` repeats `a`");
        model.take(("coefficient", "log_odds", 1), Some(0.5), "recency_days");
        model.take(("coefficient", "std_error", 1), Some(0.125), "recency_days");
        let shown = model.part("churn", Language::English).into_string();
        for expected in [
            "<h3>churn</h3>",
            "<td>0.840 (0.800 to 0.880)</td><td>0.830 ± 0.010</td>",
            "<li>`b` repeats `a`</li>",
            "<th scope=\"row\">recency_days</th><td>0.500</td><td>0.125</td><td></td>",
        ] {
            assert!(shown.contains(expected), "{shown}");
        }
        assert!(!shown.contains("Not fitted"));
    }
}
