//! What is learnt from which campaigns, and what is refused.

use super::*;
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::uplift::fit::fit;
use crate::mining::uplift::needed::Needed;
use crate::mining::uplift::qini::Counts;

const PERSONS: u64 = 4000;

fn fitted(params: &UpliftParams, campaigns: Vec<Campaign>) -> FittedModel {
    fit("letter", params, campaigns, 42).unwrap().fitted
}

fn why_not(fitted: &FittedModel) -> String {
    fitted.status().unwrap_err().to_owned()
}

#[test]
fn the_last_campaign_but_one_chooses_and_the_latest_judges() {
    let fitted = fitted(&params(), lived(3, PERSONS));
    assert_eq!(fitted.status(), Ok(()), "{:?}", fitted.remarks().collect::<Vec<_>>());
    assert_eq!(fitted.text(Part::Metric, "judged_on", 0), Some("the campaign L5"));
    let choice: Vec<f64> =
        (1..=2).map(|n| fitted.value(Part::Metric, "qini_of_choice", n).unwrap()).collect();
    let chosen = if choice[1] > choice[0] { "transformed outcome" } else { "two models" };
    assert_eq!(fitted.text(Part::Metric, "chosen", 0), Some(chosen));
    let (low, qini, high) = (
        fitted.metric("qini_low").unwrap(),
        fitted.metric("qini").unwrap(),
        fitted.metric("qini_high").unwrap(),
    );
    assert!(low < qini && qini < high);
    assert_eq!(fitted.series(Part::Calibration, "gain").count(), 101);
    assert_eq!(fitted.series(Part::Calibration, "tenth_uplift").count(), 10);
    let of_all = fitted.value(Part::Calibration, "gain", 100).unwrap();
    assert!((of_all - fitted.metric("effect").unwrap()).abs() < 1e-12);
}

#[test]
fn one_campaign_is_parted_to_learn_to_choose_and_to_judge() {
    let latest = lived(3, 3 * PERSONS).pop().unwrap();
    let fitted = fitted(&params(), vec![latest]);
    assert_eq!(fitted.status(), Ok(()));
    assert!(fitted.text(Part::Metric, "judged_on", 0).unwrap().starts_with("a third of the customers"));
}

#[test]
fn what_was_not_known_when_the_latest_began_is_kept_from_the_judged_model() {
    let mut all = lived(3, PERSONS);
    let latest = all.last().unwrap().at;
    all[3].known_at = latest + TimeDelta::days(1);
    let fitted = fitted(&params(), all);
    let remarks: Vec<&str> = fitted.remarks().collect();
    assert!(
        remarks.iter().any(|remark| remark.contains("the campaign L4 was kept from the judged model")),
        "{remarks:?}"
    );
}

#[test]
fn too_few_are_refused_with_the_size_that_is_needed() {
    let params = UpliftParams { min_controls: 100_000, ..params() };
    let fitted = fitted(&params, lived(3, 1000));
    let reason = why_not(&fitted);
    for said in [
        "at least 100000 of each were asked for",
        "an effect of 6.0 points",
        "in 80 of 100 cases",
        "kept back, drawn",
    ] {
        assert!(reason.contains(said), "{said} is missing: {reason}");
    }
    let controls = fitted.metric("experiment_controls").unwrap();
    assert!((100.0..3000.0).contains(&controls), "{controls}");
}

#[test]
fn nobody_kept_back_is_no_experiment_and_half_is_proposed() {
    let needed = Needed::of(&params(), Counts { customers: 1000, outcomes: 300 }, Counts::default());
    let reason = why_not(&needed.not_fitted("letter", "no experiment").unwrap());
    assert!(
        reason.contains("came for 30.0% of those who were contacted") && reason.contains("(50% contacted)"),
        "{reason}"
    );
    let nothing = Needed::of(&params(), Counts::default(), Counts::default());
    assert!(
        why_not(&nothing.not_fitted("letter", "no contact").unwrap())
            .contains("for how many is not known yet")
    );
}

#[test]
fn whom_features_tell_were_not_drawn_at_random() {
    // As a marketer would: whoever has bought lately gets the letter.
    let mut rows = letters(3, PERSONS);
    for row in rows.iter_mut().flatten() {
        row.treated = row.seen[0] < 60.0 || row.person % 3 == 0;
    }
    let reason = why_not(&fitted(&params(), campaigns(&rows, |row| row.bought)));
    assert!(reason.contains("this was no experiment") && reason.contains("`recency_days`"), "{reason}");
}

#[test]
fn a_campaign_that_was_no_experiment_is_left_out_of_the_others() {
    let mut rows = letters(3, PERSONS);
    rows[1].iter_mut().for_each(|row| row.treated = row.seen[0] < 60.0 || row.person % 3 == 0);
    let fitted = fitted(&params(), campaigns(&rows, |row| row.bought));
    assert_eq!(fitted.status(), Ok(()));
    let remarks: Vec<&str> = fitted.remarks().collect();
    assert!(remarks.iter().any(|remark| remark.starts_with("left out is the campaign L2")), "{remarks:?}");
}

#[test]
fn a_ratio_other_than_the_declared_one_is_warned_of() {
    let mut params = params();
    params.contacts.treated_share = Some(0.9);
    let fitted = fitted(&params, lived(3, PERSONS));
    let remarks: Vec<&str> = fitted.remarks().collect();
    assert!(remarks.iter().any(|remark| remark.contains("90.0% were declared")), "{remarks:?}");
}
