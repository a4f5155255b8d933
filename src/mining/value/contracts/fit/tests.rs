//! What was published and what was planted is found again, and what cannot be learnt from is refused.

use std::path::Path;

use super::*;
use crate::mining::value::declaration::{DeclaredValue, ValueSection};

fn params() -> ContractParams {
    let section: ValueSection = toml::from_str(
        r#"contracts = { table = "core.contracts", id = "id", start = "a", end = "b", period = "year", margin = "1" }
           min_customers = 100"#,
    )
    .unwrap();
    match section.check().unwrap() {
        DeclaredValue::Contracts(params) => params,
        DeclaredValue::Purchases(_) => panic!("these are contracts"),
    }
}

/// A cohort of which so many are left after each period.
fn cohort(left: &[f64]) -> Vec<Tenure> {
    let years = 1..left.len() as u32;
    let ended = left.windows(2).zip(years).map(|(of, periods)| Tenure {
        periods,
        ended: true,
        contracts: of[0] - of[1],
    });
    let last = *left.last().unwrap();
    ended.chain([Tenure { periods: left.len() as u32 - 1, ended: false, contracts: last }]).collect()
}

const HIGH_END: [f64; 8] = [1000.0, 869.0, 743.0, 653.0, 593.0, 551.0, 517.0, 491.0];
const REGULAR: [f64; 8] = [1000.0, 631.0, 468.0, 382.0, 326.0, 289.0, 262.0, 241.0];

fn fitted(tenures: Vec<Tenure>) -> FitResult<(ContractModel, FitReport)> {
    fit(&params(), &[(None, tenures)].into())
}

fn refused(tenures: Vec<Tenure>) -> String {
    match fitted(tenures) {
        Err(FitError::NotFitted(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

fn near(found: [f64; 2], expected: [f64; 2], tolerance: f64) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() < tolerance, "{found} beside {expected}");
    }
}

/// Fader and Hardie (2007), table 1: α .668, β 3.806 and α .704, β 1.182 on seven years; log-likelihoods by scipy.
#[test]
fn the_two_segments_of_the_paper_give_the_published_parameters() {
    for (left, expected, log_likelihood) in
        [(HIGH_END, [0.668_089, 3.806_101], -1_611.158_15), (REGULAR, [0.704_078, 1.182_044], -1_680.265_19)]
    {
        let (model, report) = fitted(cohort(&left)).unwrap();
        near(model.all.renewals.parameters(), expected, 1e-4);
        assert!((report.log_likelihood - log_likelihood).abs() < 1e-3, "{report:?}");
        assert!(report.gradient < 1e-6 && report.remarks.is_empty(), "{report:?}");
        assert!(report.survival_distance < 0.03, "{report:?}");
    }
}

#[test]
fn a_large_group_is_its_own_and_a_thin_one_like_all() {
    let few =
        cohort(&REGULAR).into_iter().map(|of| Tenure { contracts: of.contracts / 500.0, ..of }).collect();
    let tenures: BTreeMap<Option<String>, Vec<Tenure>> = [
        (Some("high end".to_owned()), cohort(&HIGH_END)),
        (Some("regular".to_owned()), cohort(&REGULAR)),
        (Some("thin".to_owned()), few),
        (Some("new".to_owned()), vec![Tenure { periods: 0, ended: false, contracts: 9.0 }]),
    ]
    .into();
    let (model, report) = fit(&params(), &tenures).unwrap();
    let first = |name: &str| model.group(model.place(Some(name))).renewals.retention(0);
    assert!((first("high end") - 0.869).abs() < 0.03 && (first("regular") - 0.631).abs() < 0.03);
    let all = model.all.renewals.retention(0);
    assert!((first("thin") - all).abs() < 0.02 && first("new") == all, "{report:?}");
    assert_eq!(model.place(Some("unheard of")), 0);
}

#[test]
fn what_does_not_differ_is_refused() {
    let of = |periods, ended, contracts| Tenure { periods, ended, contracts };
    assert!(refused(Vec::new()).contains("0 contracts have come to a renewal, at least 100"));
    assert!(refused(vec![of(0, false, 5000.0)]).contains("0 contracts have come to a renewal"));
    assert!(refused(vec![of(3, false, 500.0), of(9, false, 500.0)]).contains("has ended"));
    assert!(refused(vec![of(1, true, 300.0), of(1, false, 500.0)]).contains("second renewal"));
    assert!(refused(vec![of(12, true, 300.0), of(4, false, 500.0)]).contains("end by their term"));
    // Half of them leave at each renewal: nobody differs, and that is found.
    let (model, report) = fitted(cohort(&[1024.0, 512.0, 256.0, 128.0, 64.0, 32.0])).unwrap();
    assert!((model.all.renewals.retention(0) - 0.5).abs() < 0.01, "{model:?}");
    assert!((model.all.renewals.retention(20) - 0.5).abs() < 0.05, "{model:?} {report:?}");
    // Retention that falls with tenure is not what the model can say.
    let (_, report) = fitted(cohort(&[1000.0, 990.0, 970.0, 900.0, 700.0, 300.0, 40.0])).unwrap();
    assert!(report.remarks.iter().any(|remark| remark.contains("off what was seen")), "{report:?}");
}

/// 5,000 subscribers of a telecom, 707 of whom left: by scipy.optimize the likelihood is greatest where nobody differs,
/// −5,347.19 with .00141 who leave at each renewal.
#[test]
fn a_telecom_gives_what_scipy_finds() {
    let Some(data) = std::env::var_os("SILLAGE_DATA") else { return };
    let text = std::fs::read_to_string(Path::new(&data).join("churn/mlc_churn.csv")).unwrap();
    let mut counted: BTreeMap<(u32, bool), f64> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        *counted.entry((fields[1].parse().unwrap(), fields[19] == "yes")).or_default() += 1.0;
    }
    let tenures =
        counted.into_iter().map(|((periods, ended), contracts)| Tenure { periods, ended, contracts });
    let (model, report) = fitted(tenures.collect()).unwrap();
    assert!((report.log_likelihood - -5_347.189).abs() < 0.1, "{report:?}");
    assert!((1.0 - model.all.renewals.retention(100) - 0.001_41).abs() < 0.000_02, "{model:?}");
}
