//! Churn: the probability to leave, learnt from past cut-offs by logistic regression.
//!
//! At each cut-off the same features were evaluated that scoring uses today, and the outcome window
//! after it told who left. The latest cut-off is held out: all figures (AUC, Brier, calibration,
//! lift) are those of a model fitted on the earlier ones only, and of these only on cut-offs whose
//! window was over at the hold-out. The model that scores is then fitted anew on all cut-offs, the
//! hold-out included, since the latest behaviour is the best teacher; it has no figures of its own.

use datafusion::functions::expr_fn::exp;
use datafusion::logical_expr::{Expr, ident, lit, when};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;
use ndarray::{Array2, Axis, concatenate};

use super::declaration::ChurnParams;
use super::fitted::{FittedModel, ModelKind, Part};
use super::logistic::{self, Logistic};
use super::matrix::{self, Matrix};
use super::scaling::{Rare, Scaling};
use super::{KEY, NotFitted, evaluate, score as arithmetic};
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};

/// The column that says who left.
pub const OUTCOME: &str = "churned";

/// The eligible customers at a past instant: `customer_id`, the features as of then, and
/// `churned` (boolean, or 0 and 1), known since.
pub struct LabelledCutoff {
    pub cutoff: Instant,
    /// When the outcome was known.
    pub window_end: Instant,
    pub frame: DataFrame,
}

struct Rows {
    cutoff: Instant,
    window_end: Instant,
    features: Matrix,
    outcomes: Vec<bool>,
}

/// Learns who leaves. Too few rows, churners or cut-offs make a model that is `not_fitted`.
///
/// # Errors
/// When a frame cannot be read, lacks a column, holds a customer twice or an unknown outcome.
pub async fn fit(model: &str, params: &ChurnParams, cutoffs: Vec<LabelledCutoff>) -> Result<FittedModel> {
    let mut past = Vec::with_capacity(cutoffs.len());
    let most = params.sample.div_ceil(cutoffs.len().max(1));
    for labelled in cutoffs {
        let place = format!("cut-off {}", show_instant(labelled.cutoff));
        past.push(read(params, labelled, most).await.map_err(|error| error.at(place))?);
    }
    past.sort_by_key(|rows| rows.cutoff);
    let (name, params) = (model.to_owned(), params.clone());
    // Off the threads that other steps' streams run on.
    let fitted = tokio::task::spawn_blocking(move || fit_rows(&name, &params, past))
        .await
        .doing("learn who leaves")??;
    Ok(match fitted {
        Ok(fitted) => fitted,
        Err(reason) => FittedModel::not_fitted(model, ModelKind::Churn, reason),
    })
}

async fn read(params: &ChurnParams, labelled: LabelledCutoff, most: usize) -> Result<Rows> {
    let LabelledCutoff { cutoff, window_end, frame } = labelled;
    let mut columns: Vec<String> = params.columns.iter().map(|c| c.column.clone()).collect();
    columns.push(OUTCOME.to_owned());
    let mut features = matrix::read(frame, &columns, most).await?;
    let last = columns.len() - 1;
    let outcomes = features
        .values
        .column(last)
        .iter()
        .map(|value| match *value {
            1.0 => Ok(true),
            0.0 => Ok(false),
            _ => Err(Error::failed(format!("`{OUTCOME}` must be true or false for every customer"))),
        })
        .collect::<Result<_>>()?;
    features.values.remove_index(Axis(1), last);
    features.columns.pop();
    // Removing a column leaves a gap between rows.
    features.values = features.values.as_standard_layout().into_owned();
    Ok(Rows { cutoff, window_end, features, outcomes })
}

fn fit_rows(
    model: &str,
    params: &ChurnParams,
    mut past: Vec<Rows>,
) -> Result<std::result::Result<FittedModel, NotFitted>> {
    let Some(held_out) = past.pop() else {
        return Ok(Err(NotFitted("the history is too short for any cut-off".to_owned())));
    };
    let mut fitted = FittedModel::fitted(model, ModelKind::Churn);
    let over = |rows: &&Rows| rows.window_end <= held_out.cutoff;
    let training: Vec<&Rows> = past.iter().filter(over).collect();
    for rows in past.iter().filter(|rows| !over(rows)) {
        fitted.remark(format!(
            "the cut-off {} was kept from the judged model: its window reaches into the hold-out's",
            show_instant(rows.cutoff)
        ));
    }
    let (train, outcomes) = stack(&training)?;
    if let Err(reason) = enough(params, training.len(), &outcomes) {
        return Ok(Err(reason));
    }
    let (judged, scaling) = match learn(params, &train, &outcomes)? {
        Ok(learnt) => (learnt.logistic, learnt.scaling),
        Err(reason) => return Ok(Err(reason)),
    };
    let scores = judged.predict(&scaling.apply(&held_out.features));
    report(&mut fitted, &scores, &held_out.outcomes);
    set_counts(&mut fitted, "train", &outcomes);

    past.push(held_out);
    for (index, rows) in past.iter().enumerate() {
        let position = index as i64 + 1;
        fitted.note(Part::Parameter, "cutoff", position, show_instant(rows.cutoff));
        fitted.set(Part::Metric, "customers_of_cutoff", position, rows.features.seen as f64);
        if let Some(rate) = evaluate::base_rate(&rows.outcomes) {
            fitted.set(Part::Metric, "base_rate_of_cutoff", position, rate);
        }
    }
    let (all, outcomes) = stack(&past.iter().collect::<Vec<_>>())?;
    let Learnt { logistic, scaling, dropped } = match learn(params, &all, &outcomes)? {
        Ok(learnt) => learnt,
        Err(reason) => return Ok(Err(reason)),
    };
    for column in dropped {
        fitted.remark(format!("the column `{column}` is left out: it does not vary between customers"));
    }
    set_counts(&mut fitted, "final", &outcomes);
    fitted.set(Part::Metric, "gradient", 0, logistic.gradient);
    Scorer { scaling, intercept: logistic.intercept, weights: logistic.weights }.store(&mut fitted);
    Ok(Ok(fitted))
}

fn enough(params: &ChurnParams, cutoffs: usize, outcomes: &[bool]) -> std::result::Result<(), NotFitted> {
    if cutoffs == 0 {
        return Err(NotFitted(format!(
            "the history is too short: a cut-off to learn from must lie at least {} days before the hold-out",
            params.window.num_days()
        )));
    }
    let left = outcomes.iter().filter(|y| **y).count();
    let stayed = outcomes.len() - left;
    if outcomes.len() < params.min_rows {
        return Err(NotFitted(format!(
            "{} customers to learn from, at least {} were asked for",
            outcomes.len(),
            params.min_rows
        )));
    }
    if left.min(stayed) < params.min_positives {
        return Err(NotFitted(format!(
            "{left} customers left and {stayed} stayed, at least {} of each were asked for",
            params.min_positives
        )));
    }
    Ok(())
}

/// A regression, the scaling its rows went through, and the columns that do not vary.
struct Learnt {
    logistic: Logistic,
    scaling: Scaling,
    dropped: Vec<String>,
}

fn learn(
    params: &ChurnParams,
    rows: &Matrix,
    outcomes: &[bool],
) -> Result<std::result::Result<Learnt, NotFitted>> {
    let (scaling, dropped) = Scaling::fit(&params.columns, rows, params.winsorise, Rare::RetentionRule);
    let scaled = scaling.apply(rows);
    Ok(logistic::fit(&scaled, outcomes, params.alpha)?.map(|logistic| Learnt { logistic, scaling, dropped }))
}

/// Cut-offs one under the other, oldest first; a customer may stand in each of them.
fn stack(past: &[&Rows]) -> Result<(Matrix, Vec<bool>)> {
    let columns = past.first().map(|rows| rows.features.columns.clone()).unwrap_or_default();
    let parts: Vec<_> = past.iter().map(|rows| rows.features.values.view()).collect();
    let values = if parts.is_empty() {
        Array2::zeros((0, 0))
    } else {
        concatenate(Axis(0), &parts).doing("stack the cut-offs")?
    };
    let matrix = Matrix {
        columns,
        keys: past.iter().flat_map(|rows| rows.features.keys.iter().cloned()).collect(),
        values,
        seen: past.iter().map(|rows| rows.features.seen).sum(),
    };
    Ok((matrix, past.iter().flat_map(|rows| rows.outcomes.iter().copied()).collect()))
}

fn set_counts(fitted: &mut FittedModel, of: &str, outcomes: &[bool]) {
    fitted.set(Part::Metric, &format!("rows_{of}"), 0, outcomes.len() as f64);
    fitted.set(Part::Metric, &format!("positives_{of}"), 0, outcomes.iter().filter(|y| **y).count() as f64);
}

fn report(fitted: &mut FittedModel, scores: &[f64], outcomes: &[bool]) {
    set_counts(fitted, "holdout", outcomes);
    let bins = evaluate::calibration(scores, outcomes);
    let figures = [
        ("auc", evaluate::auc(scores, outcomes)),
        ("brier", evaluate::brier(scores, outcomes)),
        ("base_rate", evaluate::base_rate(outcomes)),
        ("top_decile_lift", evaluate::top_decile_lift(scores, outcomes)),
        ("calibration_error", evaluate::expected_calibration_error(&bins)),
    ];
    for (name, figure) in figures {
        if let Some(value) = figure {
            fitted.set(Part::Metric, name, 0, value);
        }
    }
    if fitted.metric("auc").is_none() {
        fitted.remark("the hold-out has one outcome only: the model is not judged on it");
    }
    for (index, bin) in bins.iter().enumerate() {
        let decile = index as i64 + 1;
        fitted.set(Part::Calibration, "customers", decile, bin.customers as f64);
        fitted.set(Part::Calibration, "mean_score", decile, bin.mean_score);
        fitted.set(Part::Calibration, "outcome_rate", decile, bin.outcome_rate);
    }
}

/// The score of every customer: `customer_id`, `churn_probability` Float64 (null where the SQL
/// condition `scored_when` over the features is not true, or the model is not fitted). Rows come
/// in no order.
pub fn score(fitted: &FittedModel, features: DataFrame, scored_when: Option<&str>) -> Result<DataFrame> {
    let doing = "write the churn score as SQL";
    let unknown = lit(ScalarValue::Float64(None));
    if !fitted.is_fitted() {
        return features.select(vec![ident(KEY).alias(KEY), unknown.alias("churn_probability")]).doing(doing);
    }
    let scorer = Scorer::load(fitted)?;
    matrix::check_columns(&features, &scorer.scaling.names())?;
    let mut kept = vec![(KEY.to_owned(), ident(KEY))];
    if let Some(condition) = scored_when {
        let condition = features.parse_sql_expr(condition).map_err(|cause| {
            Error::config("the condition for who is scored does not fit the features").caused_by(cause)
        })?;
        kept.push(("__scored".to_owned(), condition));
    }
    let scaled_frame = scorer.scaling.project(features, kept)?;
    let log_odds = arithmetic::linear_sql(scorer.intercept, &scorer.weights);
    let probability = lit(1.0) / (lit(1.0) + exp(-log_odds));
    let probability: Expr = match scored_when {
        Some(_) => when(ident("__scored"), probability).end().doing(doing)?,
        None => probability,
    };
    scaled_frame.select(vec![ident(KEY), probability.alias("churn_probability")]).doing(doing)
}

/// What scoring needs of a fitted churn model.
#[derive(Debug, Clone, PartialEq)]
struct Scorer {
    scaling: Scaling,
    intercept: f64,
    weights: Vec<f64>,
}

impl Scorer {
    fn store(&self, fitted: &mut FittedModel) {
        self.scaling.store(fitted);
        fitted.set(Part::Parameter, "intercept", 0, self.intercept);
        for (index, (weight, scale)) in self.weights.iter().zip(&self.scaling.columns).enumerate() {
            let position = index as i64 + 1;
            fitted.set(Part::Parameter, "coefficient", position, *weight);
            // Beside the number, for whoever reads the table.
            fitted.note(Part::Parameter, "coefficient", position, scale.column.as_str());
        }
    }

    fn load(fitted: &FittedModel) -> Result<Self> {
        if fitted.kind() != ModelKind::Churn {
            return Err(Error::failed(format!("the fitted model `{}` is no churn model", fitted.model())));
        }
        let scaling = Scaling::load(fitted)?;
        let weights = (1..=scaling.columns.len() as i64)
            .map(|position| fitted.parameter("coefficient", position))
            .collect::<Result<_>>()?;
        Ok(Scorer { scaling, intercept: fitted.parameter("intercept", 0)?, weights })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch};
    use arrow::datatypes::Float64Type;
    use datafusion::prelude::{CsvReadOptions, SessionConfig, SessionContext};

    use super::*;
    use crate::clock::parse_instant;
    use crate::mining::declaration::ChurnSection;
    use crate::mining::planted::uniform;

    fn params(columns: &str) -> ChurnParams {
        toml::from_str::<ChurnSection>(&format!(
            r#"features = "mart.customer_features"
               columns = {columns}
               outcome = {{ events = "core.orders", window_days = 30 }}
               cutoffs = {{ count = 3, every_days = 30 }}"#
        ))
        .unwrap()
        .check()
        .unwrap()
    }

    fn context(threads: usize) -> SessionContext {
        SessionContext::new_with_config(
            SessionConfig::new().with_target_partitions(threads).with_batch_size(64),
        )
    }

    /// Customers whose chance to leave is known: returns the frame and the planted log-odds.
    fn planted(context: &SessionContext, rows: usize, seed: u64) -> (DataFrame, Vec<f64>) {
        let u = uniform(rows * 3, seed);
        let recency: Vec<f64> = (0..rows).map(|r| (u[3 * r] * 100.0).floor()).collect();
        let amount: Vec<f64> = (0..rows).map(|r| (u[3 * r + 1] * 6.0).exp()).collect();
        let odds: Vec<f64> =
            recency.iter().zip(&amount).map(|(r, a)| -3.0 + 0.04 * r - 0.5 * (a.ln() - 3.0)).collect();
        let left = (0..rows).map(|r| u[3 * r + 2] < arithmetic::probability(odds[r])).collect::<Vec<_>>();
        let columns: Vec<(&str, ArrayRef)> = vec![
            (KEY, Arc::new(Int64Array::from_iter_values(0..rows as i64))),
            ("recency_days", Arc::new(Float64Array::from(recency))),
            ("amount", Arc::new(Float64Array::from(amount))),
            (OUTCOME, Arc::new(BooleanArray::from(left))),
        ];
        (context.read_batch(RecordBatch::try_from_iter(columns).unwrap()).unwrap(), odds)
    }

    const COLUMNS: &str = r#"["recency_days", { column = "amount", log = true }]"#;

    fn months(context: &SessionContext, rows: usize) -> Vec<LabelledCutoff> {
        // Not in order of time on purpose.
        [("2026-03-02", 5), ("2026-01-01", 1), ("2026-01-31", 3)]
            .map(|(day, seed)| {
                let cutoff = parse_instant(day, chrono_tz::Tz::UTC).unwrap();
                let window_end = cutoff + chrono::Duration::days(30);
                LabelledCutoff { cutoff, window_end, frame: planted(context, rows, seed).0 }
            })
            .into()
    }

    async fn probabilities(scored: DataFrame) -> Vec<Option<f64>> {
        let batches = scored.sort(vec![ident(KEY).sort(true, true)]).unwrap().collect().await.unwrap();
        batches
            .iter()
            .flat_map(|b| b.column_by_name("churn_probability").unwrap().as_primitive::<Float64Type>().iter())
            .collect()
    }

    #[tokio::test]
    async fn what_was_planted_is_learnt_and_judged_on_the_latest_cutoff() {
        let context = context(2);
        let fitted = fit("churn", &params(COLUMNS), months(&context, 2000)).await.unwrap();
        assert_eq!(fitted.status(), Ok(()));
        assert_eq!((fitted.metric("rows_train"), fitted.metric("rows_final")), (Some(4000.0), Some(6000.0)));
        let (frame, odds) = planted(&context, 2000, 5);
        let outcomes: Vec<bool> = frame
            .clone()
            .collect()
            .await
            .unwrap()
            .iter()
            .flat_map(|b| {
                b.column_by_name(OUTCOME).unwrap().as_boolean().iter().map(Option::unwrap).collect::<Vec<_>>()
            })
            .collect();
        let best = evaluate::auc(&odds, &outcomes).unwrap();
        let auc = fitted.metric("auc").unwrap();
        assert!(auc > 0.75 && best - auc < 0.01, "{auc} of {best}");
        assert!(fitted.metric("calibration_error").unwrap() < 0.03);
        assert_eq!(fitted.series(Part::Calibration, "customers").count(), 10);
        let cutoffs: Vec<_> =
            fitted.series(Part::Parameter, "cutoff").map(|(_, e)| e.note.clone().unwrap()).collect();
        assert_eq!(cutoffs, ["2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z", "2026-03-02T00:00:00Z"]);
    }

    #[tokio::test]
    async fn sql_scores_as_the_matrix_does_whatever_the_threads() {
        let mut fits = Vec::new();
        for threads in [1, 2] {
            let context = context(threads);
            let fitted = fit("churn", &params(COLUMNS), months(&context, 500)).await.unwrap();
            let fitted = FittedModel::from_batches(&[fitted.to_batch().unwrap()]).unwrap().remove(0);
            let frame = planted(&context, 500, 9).0;
            let matrix =
                matrix::read(frame.clone(), &["recency_days".into(), "amount".into()], 1000).await.unwrap();
            let scorer = Scorer::load(&fitted).unwrap();
            let rows = scorer.scaling.apply(&matrix);
            let scored = probabilities(score(&fitted, frame, None).unwrap()).await;
            for (row, p) in rows.rows().into_iter().zip(&scored) {
                let expected =
                    arithmetic::probability(arithmetic::linear(scorer.intercept, &scorer.weights, row));
                assert!((p.unwrap() - expected).abs() < 1e-12);
            }
            fits.push((fitted, scored));
        }
        assert_eq!(fits[0], fits[1]);
    }

    #[tokio::test]
    async fn unknown_features_are_average_and_prospects_have_no_score() {
        let context = context(1);
        let fitted = fit("churn", &params(COLUMNS), months(&context, 500)).await.unwrap();
        let frame = context
            .sql(
                "SELECT * FROM (VALUES (1, CAST(NULL AS double), 20, 1), (2, CAST('NaN' AS double), 20, 1), \
                  (3, 50.0, 20, 0), (4, 50.0, 20, NULL), (5, CAST('inf' AS double), 20, 1)) \
                  t(customer_id, recency_days, amount, orders)",
            )
            .await
            .unwrap();
        let scored = probabilities(score(&fitted, frame.clone(), Some("orders > 0")).unwrap()).await;
        assert_eq!(scored.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false, false, true]);
        assert_eq!((scored[0], scored[0]), (scored[1], scored[4]));
        assert!(score(&fitted, frame, Some("visits > 0")).unwrap_err().to_string().contains("visits"));
    }

    #[tokio::test]
    async fn too_little_history_is_a_reason_and_the_score_is_null() {
        let context = context(1);
        let reason = async |cutoffs| {
            let fitted = fit("churn", &params(COLUMNS), cutoffs).await.unwrap();
            fitted.status().unwrap_err().to_owned()
        };
        assert!(reason(vec![]).await.contains("too short"));
        assert!(reason(months(&context, 500).drain(..1).collect()).await.contains("too short"));
        assert!(reason(months(&context, 20)).await.contains("at least 200"));
        let mut nobody = months(&context, 500);
        for cutoff in &mut nobody {
            cutoff.frame = cutoff.frame.clone().with_column(OUTCOME, lit(false)).unwrap();
        }
        assert!(reason(nobody).await.starts_with("0 customers left and 1000 stayed"));
        let fitted = fit("churn", &params(COLUMNS), vec![]).await.unwrap();
        let scored = probabilities(score(&fitted, planted(&context, 3, 1).0, None).unwrap()).await;
        assert_eq!(scored, [None; 3]);
    }

    #[tokio::test]
    async fn a_window_that_reaches_into_the_holdout_does_not_teach_the_judged_model() {
        let context = context(1);
        let mut cutoffs = months(&context, 500);
        cutoffs[0].cutoff = parse_instant("2026-02-10", chrono_tz::Tz::UTC).unwrap();
        let fitted = fit("churn", &params(COLUMNS), cutoffs).await.unwrap();
        assert_eq!(fitted.metric("rows_train"), Some(500.0));
        assert_eq!(fitted.remarks().count(), 1);
    }

    #[tokio::test]
    async fn an_unknown_outcome_is_an_error_at_its_cutoff() {
        let context = context(1);
        let mut cutoffs = months(&context, 50);
        cutoffs[0].frame =
            cutoffs[0].frame.clone().with_column(OUTCOME, lit(ScalarValue::Boolean(None))).unwrap();
        let error = fit("churn", &params(COLUMNS), cutoffs).await.unwrap_err();
        assert!(error.to_string().contains("cut-off 2026-03-02T00:00:00Z"), "{error}");
    }

    /// scikit-learn, winsorised, scaled and folded in the same way: AUC .82146, Brier .09781, lift
    /// 3.395 (without winsorising .82310, .09709, 3.479).
    #[tokio::test]
    async fn telecom_subscribers_leave_as_scikit_learn_says() {
        let Some(data) = std::env::var_os("SILLAGE_DATA") else { return };
        let file = std::path::Path::new(&data).join("churn/mlc_churn.csv");
        if !file.exists() {
            return;
        }
        let context = context(2);
        context.register_csv("raw", file.to_str().unwrap(), CsvReadOptions::new()).await.unwrap();
        let numbers = "account_length number_vmail_messages total_day_minutes total_day_calls total_day_charge \
                       total_eve_minutes total_eve_calls total_eve_charge total_night_minutes total_night_calls \
                       total_night_charge total_intl_minutes total_intl_calls total_intl_charge \
                       number_customer_service_calls";
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        let all = context
            .sql(&format!(
                "SELECT row_number() OVER () AS customer_id, international_plan = 'yes' AS international_plan, \
                 voice_mail_plan = 'yes' AS voice_mail_plan, {}, churn = 'yes' AS churned FROM raw",
                numbers.join(", ")
            ))
            .await
            .unwrap()
            .cache()
            .await
            .unwrap();
        let columns: Vec<String> = ["international_plan", "voice_mail_plan"]
            .iter()
            .chain(&numbers)
            .map(|c| format!("\"{c}\""))
            .collect();
        let params = params(&format!("[{}]", columns.join(", ")));
        let (mut scores, mut outcomes) = (Vec::new(), Vec::new());
        for fold in 0..10_i64 {
            let in_fold = (ident(KEY) % lit(10_i64)).eq(lit(fold));
            let part = |inside: bool| {
                let condition = if inside { in_fold.clone() } else { !in_fold.clone() };
                all.clone().filter(condition).unwrap()
            };
            let fold = |inside: bool| LabelledCutoff {
                cutoff: Instant::UNIX_EPOCH,
                window_end: Instant::UNIX_EPOCH,
                frame: part(inside),
            };
            let train = read(&params, fold(false), 5000).await.unwrap();
            let test = read(&params, fold(true), 5000).await.unwrap();
            let model = learn(&params, &train.features, &train.outcomes).unwrap().unwrap();
            scores.extend(model.logistic.predict(&model.scaling.apply(&test.features)));
            outcomes.extend(test.outcomes);
        }
        let auc = evaluate::auc(&scores, &outcomes).unwrap();
        let brier = evaluate::brier(&scores, &outcomes).unwrap();
        let lift = evaluate::top_decile_lift(&scores, &outcomes).unwrap();
        println!("AUC {auc:.4} Brier {brier:.4} lift {lift:.2}");
        assert!((auc - 0.82146).abs() < 1e-4, "{auc}");
        assert!((brier - 0.09781).abs() < 1e-4, "{brier}");
        assert!((lift - 3.395).abs() < 0.03, "{lift}");
    }
}
