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
    /// Of whom the rate of the outcome is that it is planned for.
    base_of: BaseOf,
}

/// Customers whose rate of the outcome is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BaseOf {
    KeptBack,
    Contacted,
    Nobody,
}

impl Needed {
    /// Returns what is needed by these counts of customers who were contacted, and who were kept back.
    pub fn of(params: &UpliftParams, treated: Counts, control: Counts) -> Needed {
        let (base_of, base) = match (control.customers, treated.customers) {
            // Of half of the customers, where the most are needed.
            (0, 0) => (BaseOf::Nobody, 0.5),
            (0, _) => (BaseOf::Contacted, treated.rate()),
            _ => (BaseOf::KeptBack, control.rate()),
        };
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
            base_of,
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
        let percent = 100.0 * base;
        let of_whom = match self.base_of {
            BaseOf::KeptBack => format!("where the outcome comes for {percent:.1}% without a contact"),
            BaseOf::Contacted => format!("where the outcome came for {percent:.1}% of those who were contacted"),
            BaseOf::Nobody => "where the outcome comes for half of the customers (for how many is not known yet; of half the \
                               most are needed)"
                .to_owned(),
        };
        let Some(Size { treated, controls }) = self.plan.size() else {
            return format!("no experiment can see an effect of {:.1} points {of_whom}", 100.0 * effect);
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
