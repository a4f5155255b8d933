//! How large an experiment must be: what is said where nothing can be learnt.

use super::declaration::UpliftParams;
use super::proportions::{ALPHA, POWER, Plan, Size};
use super::qini::Counts;
use crate::error::Result;
use crate::mining::fit_error::FitError;
use crate::mining::fitted::{FittedModel, ModelKind, Part};

/// The experiment that would be large enough.
#[derive(Debug, Clone, Copy)]
pub struct Needed {
    plan: Plan,
    /// Whether any outcome is known.
    is_known: bool,
}

impl Needed {
    /// Returns what is needed by these counts of customers who were contacted, and who were kept back.
    pub fn of(params: &UpliftParams, treated: Counts, control: Counts) -> Needed {
        let known = if control.customers > 0 { control } else { treated };
        let is_known = known.customers > 0;
        // Where nothing is known: of half of the customers, where the most are needed.
        let base = if is_known { known.rate() } else { 0.5 };
        let found = treated.customers as f64 / (treated.customers + control.customers) as f64;
        let share =
            params.contacts.treated_share.or(Some(found)).filter(|share| *share > 0.0 && *share < 1.0);
        Needed {
            plan: Plan {
                base,
                effect: params.smallest_effect,
                treated_share: share.unwrap_or(0.5),
                alpha: ALPHA,
                power: POWER,
            },
            is_known,
        }
    }

    /// Returns a model that says why there is none, and what it takes.
    ///
    /// # Errors
    /// None.
    pub fn not_fitted(&self, model: &str, reason: &str) -> Result<FittedModel> {
        let reason = format!("{reason}; {}", self.said());
        let mut fitted = FittedModel::of_fit(model, ModelKind::Uplift, Err(FitError::NotFitted(reason)))?;
        let mut figures = vec![
            ("experiment_rate", self.plan.base),
            ("experiment_effect", self.plan.effect),
            ("experiment_alpha", self.plan.alpha),
            ("experiment_power", self.plan.power),
        ];
        if let Some(Size { treated, controls }) = self.plan.size() {
            figures
                .extend([("experiment_treated", treated.ceil()), ("experiment_controls", controls.ceil())]);
        }
        for (name, value) in figures {
            fitted.set(Part::Metric, name, 0, value);
        }
        Ok(fitted)
    }

    fn said(&self) -> String {
        let Plan { base, effect, treated_share, alpha, power } = self.plan;
        let Some(Size { treated, controls }) = self.plan.size() else {
            return format!(
                "no experiment can see an effect of {:.1} points where the outcome comes for {:.1}% without a contact",
                100.0 * effect,
                100.0 * base
            );
        };
        let of_whom = match self.is_known {
            true => format!("where the outcome comes for {:.1}% without a contact", 100.0 * base),
            false => "where the outcome comes for half of the customers without a contact (it is not known for how many; \
                      then the most are needed)"
                .to_owned(),
        };
        format!(
            "an experiment that sees an effect of {:.1} points, {of_whom}, in {:.0} of 100 cases (two-sided test at {:.0}%) \
             needs {:.0} customers who are contacted and {:.0} who are kept back, drawn at random ({:.0}% contacted)",
            100.0 * effect,
            100.0 * power,
            100.0 * alpha,
            treated.ceil(),
            controls.ceil(),
            100.0 * treated_share
        )
    }
}
