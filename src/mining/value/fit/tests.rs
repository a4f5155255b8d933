//! What was planted is found again, what was published comes out, and what cannot be learnt from is refused.

use std::path::Path;

use chrono::NaiveDate;

use super::*;
use crate::mining::test_data::uniform;
use crate::mining::value::declaration::{DeclaredValue, ValueSection};
use crate::mining::value::history::History;
use crate::mining::value::prospects::ProspectGroups;

fn params(model: &str, min_customers: usize) -> ValueParams {
    let section: ValueSection = toml::from_str(&format!(
        r#"purchases = {{ events = "core.orders", amount = "margin", model = "{model}" }}
           horizon_days = 273
           min_customers = {min_customers}"#
    ))
    .unwrap();
    match section.check().unwrap() {
        DeclaredValue::Purchases(params) => params,
        DeclaredValue::Contracts(_) => panic!("these are purchases"),
    }
}

fn of_one_group(customers: impl IntoIterator<Item = (History, f64)>) -> Learning {
    let mut histories: BTreeMap<History, f64> = BTreeMap::new();
    let mut amounts = Vec::new();
    for (history, sum) in customers {
        *histories.entry(history).or_default() += 1.0;
        amounts.push(Amounts { repeats: history.repeats, sum });
    }
    let histories =
        histories.into_iter().map(|(history, customers)| Weighted { history, customers }).collect();
    Learning {
        histories: [(None, histories)].into(),
        amounts: [(None, amounts)].into(),
        prospects: ProspectGroups::default(),
    }
}

/// The days with a purchase of each customer of CDNOW, and what they were worth: same-day rows are one purchase.
fn cdnow_days(data: &Path) -> Vec<BTreeMap<NaiveDate, f64>> {
    let text = std::fs::read_to_string(data.join("cdnow/CDNOW_sample.txt")).unwrap();
    let mut customers: BTreeMap<&str, BTreeMap<NaiveDate, f64>> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let day = NaiveDate::parse_from_str(fields[2], "%Y%m%d").unwrap();
        *customers.entry(fields[1]).or_default().entry(day).or_default() += fields[4].parse::<f64>().unwrap();
    }
    customers.into_values().collect()
}

/// CDNOW until 1997-09-30.
fn cdnow(data: &Path) -> Vec<(History, f64)> {
    let end = NaiveDate::from_ymd_opt(1997, 9, 30).unwrap();
    let of = |days: &BTreeMap<NaiveDate, f64>| {
        let (first, last) = (*days.keys().next().unwrap(), *days.keys().next_back().unwrap());
        let history = History {
            repeats: days.len() as u32 - 1,
            last_day: (last - first).num_days() as u32,
            age_days: (end - first).num_days() as u32,
        };
        (history, days.values().skip(1).sum())
    };
    let mut customers = cdnow_days(data);
    customers.iter_mut().for_each(|days| days.retain(|day, _| *day <= end));
    customers.iter().map(of).collect()
}

fn near(found: &[f64], expected: &[f64], tolerance: f64) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() <= tolerance, "{found} beside {expected}");
    }
}

fn expected_of_all(model: &ValueModel, customers: &[(History, f64)]) -> f64 {
    let of = |history: History| {
        let purchases = model.all.purchases;
        purchases.probability_alive(history) * purchases.future(history).expected(39.0, 0.0).0
    };
    customers.iter().map(|(history, _)| of(*history)).sum()
}

/// Fader, Hardie and Lee (2005); Fader and Hardie (2013); and the R package BTYD.
#[test]
fn cdnow_gives_the_published_parameters() {
    let Some(data) = std::env::var_os("SILLAGE_DATA") else { return };
    let customers = cdnow(Path::new(&data));
    let learning = of_one_group(customers.iter().copied());
    let (model, report) = fit(&params("bg_nbd", 100), &learning).unwrap();
    near(&model.all.purchases.parameters(), &[0.243, 4.414, 0.793, 2.426], 0.01);
    near(&model.all.worth.parameters(), &[6.25, 3.74, 15.44], 0.01);
    assert!((report.purchases_log_likelihood - -9582.4).abs() < 0.1);
    assert!((report.amounts_log_likelihood - -4055.918).abs() < 0.1);
    near(&[expected_of_all(&model, &customers)], &[1653.4], 0.005);
    assert!(report.gradient < 1e-6, "{report:?}");

    let (model, report) = fit(&params("pareto_nbd", 100), &learning).unwrap();
    near(&model.all.purchases.parameters(), &[0.5533, 10.5776, 0.6062, 11.6679], 0.01);
    assert!((report.purchases_log_likelihood - -9594.976).abs() < 0.1);
    near(&[expected_of_all(&model, &customers)], &[1665.534], 0.005);
}

/// Repeat purchases of CDNOW week by week: what is expected of customers of whom only the first day is known, from
/// parameters of the first 39 weeks, beside the curves of R's BTYD, and beside what happened in 78 weeks.
#[test]
fn cdnow_gives_the_published_curve_week_by_week() {
    let Some(data) = std::env::var_os("SILLAGE_DATA") else { return };
    let data = Path::new(&data);
    let learning = of_one_group(cdnow(data));
    let models = ["bg_nbd", "pareto_nbd"].map(|kind| fit(&params(kind, 100), &learning).unwrap().0.all);
    let begin = NaiveDate::from_ymd_opt(1997, 1, 1).unwrap();
    let customers = cdnow_days(data);
    let (mut firsts, mut repeats): (BTreeMap<i64, f64>, Vec<i64>) = (BTreeMap::new(), Vec::new());
    for days in &customers {
        let mut since = days.keys().map(|day| (*day - begin).num_days());
        *firsts.entry(since.next().unwrap()).or_default() += 1.0;
        repeats.extend(since);
    }
    let published = std::fs::read_to_string(data.join("cdnow/expected_cumulative_weekly.csv")).unwrap();
    let mut weeks = 0;
    for line in published.lines().skip(1) {
        let row: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        let days = row[0] as i64 * 7;
        assert_eq!(repeats.iter().filter(|day| **day < days).count() as f64, row[1], "week {}", row[0]);
        let expected = models.map(|model| -> f64 {
            let new = model.purchases.future(History { repeats: 0, last_day: 0, age_days: 0 });
            let since = firsts.range(..days);
            since.map(|(day, count)| count * new.expected((days - day) as f64 / 7.0, 0.0).0).sum()
        });
        near(&expected, &row[2..], 0.005);
        // It tracks what happened: within a twentieth from half a year on, twice as long as it was learnt from.
        assert!(row[0] < 26.0 || (expected[0] / row[1] - 1.0).abs() < 0.05, "week {}: {expected:?}", row[0]);
        weeks += 1;
    }
    assert_eq!(weeks, 78);
}

/// A customer of a BG/NBD with r = 0.8, α = 6, a = 0.7, b = 2.5, over 104 weeks less the first day of one's own; every
/// purchase is worth one's own mean, give or take.
fn planted(customers: usize, seed: u64, rate: f64) -> Vec<(History, f64)> {
    let mut u = uniform(customers * 200, seed).into_iter();
    let mut next = move || u.next().unwrap().max(1e-12);
    let mut of_one = || {
        let age_days = (200.0 + next() * 500.0) as u32;
        let lambda = rate * gamma_variable(&mut next, 0.8) / 6.0;
        let (x, y) = (gamma_variable(&mut next, 0.7), gamma_variable(&mut next, 2.5));
        let leaves = x / (x + y);
        let scale = 15.0 / gamma_variable(&mut next, 4.0);
        let (mut repeats, mut last, mut at, mut sum) = (0, 0.0, 0.0, 0.0);
        // The first purchase may be the last.
        while next() >= leaves || repeats == 0 {
            at += -next().ln() / lambda;
            if at * 7.0 >= f64::from(age_days) || repeats > 60 {
                break;
            }
            last = at * 7.0;
            repeats += 1;
            sum += scale * gamma_variable(&mut next, 6.0);
        }
        (History { repeats, last_day: last as u32, age_days }, sum)
    };
    (0..customers).map(|_| of_one()).collect()
}

/// Marsaglia and Tsang's method, with a normal variable by Box and Muller.
fn gamma_variable(next: &mut impl FnMut() -> f64, shape: f64) -> f64 {
    if shape < 1.0 {
        return gamma_variable(next, shape + 1.0) * next().powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let normal = (-2.0 * next().ln()).sqrt() * (std::f64::consts::TAU * next()).cos();
        let v = (1.0 + c * normal).powi(3);
        if v > 0.0 && next().ln() < 0.5 * normal * normal + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

#[test]
fn what_was_planted_is_found_again() {
    let (model, report) = fit(&params("bg_nbd", 100), &of_one_group(planted(10_000, 11, 1.0))).unwrap();
    near(&model.all.purchases.parameters()[..2], &[0.8, 6.0], 0.1);
    near(&model.all.worth.parameters(), &[6.0, 4.0, 15.0], 0.15);
    assert!(report.remarks.is_empty(), "{report:?}");
}

#[test]
fn a_large_group_is_its_own_and_a_thin_one_like_all() {
    let mut learning = of_one_group(planted(5_000, 3, 1.0));
    for (name, customers, rate) in [("eager", 5_000, 2.0), ("thin", 2, 2.0)] {
        let own = of_one_group(planted(customers, 5, rate));
        learning.histories.insert(Some(name.to_owned()), own.histories[&None].clone());
        learning.amounts.insert(Some(name.to_owned()), own.amounts[&None].clone());
    }
    let (model, _) = fit(&params("bg_nbd", 100), &learning).unwrap();
    let mean_rate = |group: &GroupModel| {
        let [r, alpha, ..] = group.purchases.parameters();
        r / alpha
    };
    let (all, eager, thin) = (
        mean_rate(&model.all),
        mean_rate(model.group(model.place(Some("eager")))),
        mean_rate(model.group(model.place(Some("thin")))),
    );
    near(&[eager], &[2.0 * 0.8 / 6.0], 0.1);
    assert!(all < eager && (thin / all - 1.0).abs() < 0.4, "{all} {eager} {thin}");
}

/// A refusal says why; a model is finite.
fn finite_or_refused(customers: Vec<(History, f64)>) -> String {
    let ask = customers.clone();
    for kind in ["bg_nbd", "pareto_nbd"] {
        match fit(&params(kind, 1), &of_one_group(customers.clone())) {
            Err(FitError::NotFitted(reason)) => return reason,
            Err(FitError::Failed(error)) => panic!("{error}"),
            Ok((model, _)) => {
                for (history, amount) in &ask {
                    let expectation = model.expectation(&model.all, *history);
                    let outlook = model.outlook(&model.all, &expectation, *history, *amount, 10.0);
                    let numbers = [outlook.purchases, outlook.margin, outlook.value, outlook.margin_high];
                    assert!(numbers.iter().all(|n| n.is_finite()), "{kind} {history:?} {outlook:?}");
                }
            }
        }
    }
    "finite".to_owned()
}

fn alike(count: usize, repeats: u32, last_day: u32, age_days: u32, amount: f64) -> Vec<(History, f64)> {
    vec![(History { repeats, last_day, age_days }, amount); count]
}

#[test]
fn odd_customers_are_fitted_or_refused_and_never_infinite() {
    let refused = |customers| {
        let said = finite_or_refused(customers);
        assert_ne!(said, "finite");
        said
    };
    assert!(refused(alike(500, 0, 0, 100, 0.0)).contains("0 bought again"));
    assert!(refused(Vec::new()).contains("0 customers bought"));
    // Nobody's purchase is worth anything.
    assert!(refused(alike(500, 3, 50, 100, 0.0)).contains("worth"));
    for customers in [
        alike(1, 4, 50, 60, 80.0),
        alike(500, 3, 50, 100, 30.0),
        alike(500, 3, 100, 100, 30.0),
        alike(300, 2, 20, 40_000, 30.0),
        alike(300, 5_000, 14_000, 14_600, 1e9),
        [alike(300, 1, 1, 1, 1e-6), alike(300, 900, 999, 1_000, 1e7), alike(50, 0, 0, 0, 0.0)].concat(),
    ] {
        let first = customers[0];
        let said = finite_or_refused(customers);
        assert!(said == "finite" || said.contains("converge"), "{first:?}: {said}");
    }
}
