//! From campaigns to a model: the learner is chosen on one campaign, judged on the latest, and fitted anew on all.
//!
//! Of the campaigns that were experiments and large enough the latest judges. The one before it chooses between the
//! learners, which learn from those before it; both figures are written down. The chosen one then learns from all campaigns
//! whose outcomes were known when the latest began, and is judged on that. Where there is one earlier campaign, a third of
//! its customers, by a hash of their id, chooses; where there is only one campaign, a third of its customers judges and a
//! third of the others chooses. The model that scores is fitted on all campaigns and has no figures of its own.

use super::declaration::UpliftParams;
use super::judge;
use super::learner::{Learner, Learnt, Trials, learn};
use super::needed::Needed;
use super::proportions::sample_ratio_p;
use super::qini::{Counts, Ranked, groups};
use super::randomisation::Balance;
use super::score::Scorer;
use crate::clock::{Instant, show_instant};
use crate::error::Result;
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::matrix::{Key, Matrix};
use crate::mining::propensity::Seen;
use crate::mining::regression::Preprocessor;

/// Of customers that are parted one in so many judges, or chooses.
const PART: u64 = 3;
/// A sample ratio less likely than this is no chance.
const UNLIKELY: f64 = 0.001;

/// The customers of a campaign in memory, with the features as of its first contact.
#[derive(Debug, Clone)]
pub struct Campaign {
    pub name: String,
    pub at: Instant,
    /// When the outcomes of all contacts were known.
    pub known_at: Instant,
    pub trials: Trials,
}

/// What a fit gives.
pub struct Fit {
    pub fitted: FittedModel,
    /// The texts of each column of text that somebody had who was learnt from.
    pub seen: Seen,
}

/// What learns, what chooses between the learners, and what judges.
struct Parts {
    learn: Trials,
    choose: Trials,
    judge: Trials,
    /// What judges, in words.
    judged_on: String,
}

impl Campaign {
    /// Returns those who were contacted and those who were kept back.
    pub fn groups(&self) -> (Counts, Counts) {
        self.trials.groups()
    }
}

impl Trials {
    fn groups(&self) -> (Counts, Counts) {
        groups(Ranked::of(&vec![0.0; self.treated.len()], &self.treated, &self.outcomes).rows())
    }

    fn select(&self, rows: &[usize]) -> Trials {
        Trials {
            features: self.features.select(rows),
            treated: rows.iter().map(|&row| self.treated[row]).collect(),
            outcomes: rows.iter().map(|&row| self.outcomes[row]).collect(),
            treated_share: rows.iter().map(|&row| self.treated_share[row]).collect(),
        }
    }

    /// Parts the customers by a hash of their id: those whose turn it is, and the others.
    fn parted(&self, turn: impl Fn(u64) -> bool) -> (Trials, Trials) {
        let is_turn = |key: &Key| turn(key.hash());
        let (theirs, others): (Vec<usize>, Vec<usize>) =
            (0..self.treated.len()).partition(|&row| is_turn(&self.features.keys[row]));
        (self.select(&theirs), self.select(&others))
    }

    /// Returns trials one under the other; a customer may stand in each of them.
    pub fn stack(parts: &[&Trials]) -> Result<Trials> {
        Ok(Trials {
            features: Matrix::stack(&parts.iter().map(|part| &part.features).collect::<Vec<_>>())?,
            treated: parts.iter().flat_map(|part| part.treated.iter().copied()).collect(),
            outcomes: parts.iter().flat_map(|part| part.outcomes.iter().copied()).collect(),
            treated_share: parts.iter().flat_map(|part| part.treated_share.iter().copied()).collect(),
        })
    }
}

/// Learns from campaigns, oldest first. Too few customers, or groups that chance did not make, give a model that is
/// `not_fitted`, with the size that an experiment needs.
///
/// # Errors
/// When features of campaigns do not fit together.
pub fn fit(model: &str, params: &UpliftParams, campaigns: Vec<Campaign>, seed: u64) -> Result<Fit> {
    let (treated, control) = campaigns
        .iter()
        .map(Campaign::groups)
        .fold((Counts::default(), Counts::default()), |(treated, control), (more_treated, more_control)| {
            (treated + more_treated, control + more_control)
        });
    let needed = Needed::of(params, treated, control);
    match fit_campaigns(model, params, campaigns, seed) {
        Ok(fit) => Ok(fit),
        Err(FitError::NotFitted(reason)) => {
            Ok(Fit { fitted: needed.not_fitted(model, &reason)?, seen: Seen::new() })
        }
        Err(FitError::Failed(error)) => Err(error),
    }
}

fn fit_campaigns(model: &str, params: &UpliftParams, campaigns: Vec<Campaign>, seed: u64) -> FitResult<Fit> {
    let mut fitted = FittedModel::fitted(model, ModelKind::Uplift);
    let usable = usable(&mut fitted, params, campaigns)?;
    let parts = Parts::of(&mut fitted, &usable)?;
    let learner = choose(&mut fitted, params, &parts, seed)?;

    let before = Trials::stack(&[&parts.learn, &parts.choose])?;
    let judged = learn(params.regression(), learner, &before)?;
    let scores = judged.uplift(&parts.judge.features);
    let ranked = Ranked::of(&scores, &parts.judge.treated, &parts.judge.outcomes);
    fitted.note(Part::Metric, "judged_on", 0, parts.judged_on.as_str());
    judge::report(&mut fitted, params, &ranked, seed);

    let all = Trials::stack(&usable.iter().map(|campaign| &campaign.trials).collect::<Vec<_>>())?;
    let Learnt { regressions, preprocessor } = learn(params.regression(), learner, &all)?;
    let uplift = regressions.uplift(&preprocessor.apply(&all.features));
    let Preprocessor { one_hot, scaling, dropped } = preprocessor;
    for column in dropped {
        fitted.remark(format!("the column `{column}` is left out: it does not vary between customers"));
    }
    fitted.set(Part::Metric, "rows_final", 0, uplift.len() as f64);
    let (margin, cost) = (params.margin, params.cost);
    Scorer { one_hot, scaling, regressions, margin, cost, tenths: judge::tenths(uplift) }.store(&mut fitted);
    let texts = all.features.columns.iter().cloned().zip(all.features.texts);
    Ok(Fit { fitted, seen: texts.filter_map(|(column, texts)| Some((column, texts?))).collect() })
}

/// Returns the campaigns that were experiments and are large enough, and writes down what each was like.
fn usable(
    fitted: &mut FittedModel,
    params: &UpliftParams,
    campaigns: Vec<Campaign>,
) -> FitResult<Vec<Campaign>> {
    let (mut usable, mut why_not) = (Vec::new(), Vec::new());
    for (campaign, position) in campaigns.into_iter().zip(1_i64..) {
        let (treated, control) = campaign.groups();
        fitted.note(Part::Parameter, "campaign", position, campaign.name.as_str());
        fitted.note(Part::Parameter, "cutoff", position, show_instant(campaign.at));
        for (name, value) in [
            ("treated_of_campaign", treated.customers as f64),
            ("controls_of_campaign", control.customers as f64),
            ("treated_rate_of_campaign", treated.rate()),
            ("control_rate_of_campaign", control.rate()),
        ] {
            if value.is_finite() {
                fitted.set(Part::Metric, name, position, value);
            }
        }
        let why = match too_small(params, treated, control) {
            Some(why) => Some(why),
            None => no_experiment(fitted, params, &campaign, position)?,
        };
        match why {
            None => usable.push(campaign),
            Some(why) => why_not.push(format!("the campaign {}: {why}", campaign.name)),
        }
    }
    if usable.is_empty() {
        return Err(FitError::NotFitted(match why_not.is_empty() {
            true => "there is no campaign with a control group whose outcome is known".to_owned(),
            false => why_not.join("; "),
        }));
    }
    for why in why_not {
        fitted.remark(format!("left out is {why}"));
    }
    Ok(usable)
}

/// Returns why a campaign has too few customers; `None` where it has enough.
fn too_small(params: &UpliftParams, treated: Counts, control: Counts) -> Option<String> {
    let least = params.min_controls as u64;
    if treated.customers.min(control.customers) < least {
        return Some(format!(
            "{} customers were contacted and {} kept back, at least {least} of each were asked for",
            treated.customers, control.customers
        ));
    }
    let fewest = |group: Counts| group.outcomes.min(group.customers - group.outcomes);
    let least = params.min_positives as u64;
    (fewest(treated).min(fewest(control)) < least).then(|| {
        format!(
            "the outcome came for {} of {} who were contacted and {} of {} who were kept back, at least {least} with and \
             without it were asked for in each group",
            treated.outcomes, treated.customers, control.outcomes, control.customers
        )
    })
}

/// Returns why a campaign was no experiment; what may be chance is remarked.
fn no_experiment(
    fitted: &mut FittedModel,
    params: &UpliftParams,
    campaign: &Campaign,
    position: i64,
) -> FitResult<Option<String>> {
    let (treated, control) = campaign.groups();
    let all = treated.customers + control.customers;
    let name = &campaign.name;
    if let Some(share) = params.contacts.treated_share {
        let p = sample_ratio_p(treated.customers, all, share);
        fitted.set(Part::Metric, "sample_ratio_p_of_campaign", position, p);
        if p < UNLIKELY {
            fitted.remark(format!(
                "in the campaign {name} {:.1}% were contacted, {:.1}% were declared: by chance that comes in fewer than 1 of \
                 1000 (sample ratio): look at how the groups were drawn",
                100.0 * treated.customers as f64 / all as f64,
                100.0 * share
            ));
        }
    }
    let balance = Balance::of(params.regression(), &campaign.trials)?;
    if let Some(auc) = balance.auc {
        fitted.set(Part::Metric, "treatment_auc_of_campaign", position, auc);
    }
    if let Some((column, difference)) = balance.largest() {
        fitted.set(Part::Metric, "largest_difference_of_campaign", position, difference);
        fitted.note(Part::Metric, "largest_difference_of_campaign", position, column);
    }
    let why = balance.why_no_experiment();
    if let Some(warning) = balance.warning().filter(|_| why.is_none()) {
        fitted.remark(format!("in the campaign {name} {warning}: look at how the groups were drawn"));
    }
    Ok(why)
}

impl Parts {
    /// Returns the parts of the campaigns; `usable` holds at least one.
    fn of(fitted: &mut FittedModel, usable: &[Campaign]) -> FitResult<Parts> {
        let Some((latest, before)) = usable.split_last() else {
            return Err(FitError::NotFitted("there is no campaign".to_owned()));
        };
        let is_known = |campaign: &&Campaign| campaign.known_at <= latest.at;
        for campaign in before.iter().filter(|campaign| !is_known(campaign)) {
            fitted.remark(format!(
                "the campaign {} was kept from the judged model: its outcomes were not all known when {} began",
                campaign.name, latest.name
            ));
        }
        let known: Vec<&Campaign> = before.iter().filter(is_known).collect();
        let is_first_part = |hash: u64| hash.is_multiple_of(PART);
        let is_second_part = |hash: u64| (hash / PART).is_multiple_of(PART);
        match known.split_last() {
            Some((choosing, [])) => {
                let (choose, learn) = choosing.trials.parted(is_second_part);
                let judged_on = format!("the campaign {}", latest.name);
                Ok(Parts { learn, choose, judge: latest.trials.clone(), judged_on })
            }
            Some((choosing, learning)) => Ok(Parts {
                learn: Trials::stack(&learning.iter().map(|c| &c.trials).collect::<Vec<_>>())?,
                choose: choosing.trials.clone(),
                judge: latest.trials.clone(),
                judged_on: format!("the campaign {}", latest.name),
            }),
            None => {
                let (judge, others) = latest.trials.parted(is_first_part);
                let (choose, learn) = others.parted(is_second_part);
                let judged_on =
                    format!("a third of the customers of the campaign {}, the only one", latest.name);
                Ok(Parts { learn, choose, judge, judged_on })
            }
        }
    }
}

/// Returns the learner whose coefficient is the larger one on the customers who choose; both are written down.
fn choose(fitted: &mut FittedModel, params: &UpliftParams, parts: &Parts, seed: u64) -> FitResult<Learner> {
    let mut best: Option<(f64, Learner)> = None;
    let mut why_not = String::new();
    for (learner, position) in Learner::ALL.into_iter().zip(1_i64..) {
        fitted.note(Part::Metric, "qini_of_choice", position, learner.name());
        let learnt = match learn(params.regression(), learner, &parts.learn) {
            Ok(learnt) => learnt,
            Err(FitError::NotFitted(reason)) => {
                fitted.remark(format!("{}: {reason}", learner.name()));
                why_not = reason;
                continue;
            }
            Err(failed) => return Err(failed),
        };
        let scores = learnt.uplift(&parts.choose.features);
        let ranked = Ranked::of(&scores, &parts.choose.treated, &parts.choose.outcomes);
        let qini = ranked.qini().unwrap_or(0.0);
        fitted.set(Part::Metric, "qini_of_choice", position, qini);
        if let Some((low, high)) = ranked.interval(seed) {
            fitted.set(Part::Metric, "qini_of_choice_low", position, low);
            fitted.set(Part::Metric, "qini_of_choice_high", position, high);
        }
        // Of two equally good ones the first.
        if best.is_none_or(|(most, _)| qini > most) {
            best = Some((qini, learner));
        }
    }
    let Some((_, learner)) = best else { return Err(FitError::NotFitted(why_not)) };
    fitted.note(Part::Metric, "chosen", 0, learner.name());
    Ok(learner)
}
