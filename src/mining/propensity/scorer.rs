//! What scoring needs of a fitted regression, and its rows in `ops.models`.

use crate::error::{Error, Result};
use crate::mining::calibration::Calibrator;
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::one_hot::OneHot;
use crate::mining::scaling::Scaling;

/// What scoring needs of a fitted regression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scorer {
    pub one_hot: OneHot,
    pub scaling: Scaling,
    pub intercept: f64,
    pub weights: Vec<f64>,
    pub calibrator: Calibrator,
}

impl Scorer {
    pub fn store(&self, fitted: &mut FittedModel) {
        self.one_hot.store(fitted);
        self.scaling.store(fitted);
        self.calibrator.store(fitted);
        fitted.set(Part::Parameter, "intercept", 0, self.intercept);
        for (index, (weight, scale)) in self.weights.iter().zip(&self.scaling.columns).enumerate() {
            let position = index as i64 + 1;
            fitted.set(Part::Parameter, "coefficient", position, *weight);
            // Beside the number, for readers of the table.
            fitted.note(Part::Parameter, "coefficient", position, scale.column.as_str());
        }
    }

    pub fn load(fitted: &FittedModel) -> Result<Self> {
        if fitted.kind() != ModelKind::Propensity {
            return Err(Error::failed(format!("the fitted model `{}` is no propensity", fitted.model())));
        }
        let scaling = Scaling::load(fitted)?;
        let weights = (1..=scaling.columns.len() as i64)
            .map(|position| fitted.parameter("coefficient", position))
            .collect::<Result<_>>()?;
        Ok(Scorer {
            one_hot: OneHot::load(fitted),
            scaling,
            intercept: fitted.parameter("intercept", 0)?,
            weights,
            calibrator: Calibrator::load(fitted)?,
        })
    }
}
