//! How good a score is: discrimination, calibration, lift; and how alike two partitions are.
//!
//! All functions take scores and outcomes in the order of the customer key: ties are broken by it.

/// Area under the ROC curve: the chance that a churner scores above one who stayed, ties counting
/// half (Hanley & McNeil 1982; the Mann-Whitney statistic). `None` unless both outcomes occur.
pub fn auc(scores: &[f64], outcomes: &[bool]) -> Option<f64> {
    let positives = outcomes.iter().filter(|y| **y).count();
    let negatives = outcomes.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    // Twice the ranks stay whole numbers, so that ties cost no precision.
    let mut doubled_rank_sum: u128 = 0;
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && scores[order[end]] == scores[order[start]] {
            end += 1;
        }
        let doubled_rank = (start + 1 + end) as u128;
        let tied = order[start..end].iter().filter(|&&i| outcomes[i]).count() as u128;
        doubled_rank_sum += doubled_rank * tied;
        start = end;
    }
    let (p, n) = (positives as u128, negatives as u128);
    Some((doubled_rank_sum - p * (p + 1)) as f64 / (2 * p * n) as f64)
}

/// Mean squared difference of score and outcome (Brier 1950). `None` without rows.
pub fn brier(scores: &[f64], outcomes: &[bool]) -> Option<f64> {
    let total: f64 = scores.iter().zip(outcomes).map(|(p, y)| (p - f64::from(u8::from(*y))).powi(2)).sum();
    (!scores.is_empty()).then(|| total / scores.len() as f64)
}

/// Share of churners; `None` without rows.
pub fn base_rate(outcomes: &[bool]) -> Option<f64> {
    let positives = outcomes.iter().filter(|y| **y).count();
    (!outcomes.is_empty()).then(|| positives as f64 / outcomes.len() as f64)
}

/// How many times more churners the highest-scored tenth (rounded up) holds than a random tenth.
/// `None` without churners.
pub fn top_decile_lift(scores: &[f64], outcomes: &[bool]) -> Option<f64> {
    let base = base_rate(outcomes).filter(|rate| *rate > 0.0)?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let top = scores.len().div_ceil(10);
    let caught = order[..top].iter().filter(|&&i| outcomes[i]).count();
    Some(caught as f64 / top as f64 / base)
}

/// Customers of about the same score: what was said beside what happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    pub customers: usize,
    pub mean_score: f64,
    pub outcome_rate: f64,
}

/// Bins of equal size by ascending score (ten, or fewer where there are fewer rows).
pub fn calibration(scores: &[f64], outcomes: &[bool]) -> Vec<CalibrationBin> {
    let rows = scores.len();
    let bins = rows.min(10);
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    (0..bins)
        .map(|bin| {
            let members = &order[bin * rows / bins..(bin + 1) * rows / bins];
            let count = members.len() as f64;
            CalibrationBin {
                customers: members.len(),
                mean_score: members.iter().map(|&i| scores[i]).sum::<f64>() / count,
                outcome_rate: members.iter().filter(|&&i| outcomes[i]).count() as f64 / count,
            }
        })
        .collect()
}

/// Mean distance of score and outcome over the bins, weighted by their customers (Naeini et al.
/// 2015, on bins of equal size). `None` without rows.
pub fn expected_calibration_error(bins: &[CalibrationBin]) -> Option<f64> {
    let rows: usize = bins.iter().map(|b| b.customers).sum();
    let gap: f64 = bins.iter().map(|b| b.customers as f64 * (b.mean_score - b.outcome_rate).abs()).sum();
    (rows > 0).then(|| gap / rows as f64)
}

/// Adjusted Rand index of two partitions of the same rows (Hubert & Arabie 1985): 1 when they are
/// the same up to names, about 0 when they agree by chance only.
pub fn adjusted_rand_index(a: &[usize], b: &[usize]) -> f64 {
    let pairs = |n: u64| (n as f64) * (n as f64 - 1.0) / 2.0;
    let (ka, kb) = (a.iter().max().map_or(0, |m| m + 1), b.iter().max().map_or(0, |m| m + 1));
    let mut table = vec![0u64; ka * kb];
    let (mut rows, mut columns) = (vec![0u64; ka], vec![0u64; kb]);
    for (&i, &j) in a.iter().zip(b) {
        table[i * kb + j] += 1;
        rows[i] += 1;
        columns[j] += 1;
    }
    let sum = |counts: &[u64]| counts.iter().map(|&n| pairs(n)).sum::<f64>();
    let (both, in_a, in_b) = (sum(&table), sum(&rows), sum(&columns));
    let all = pairs(a.len() as u64);
    let expected = if all > 0.0 { in_a * in_b / all } else { 0.0 };
    let most = (in_a + in_b) / 2.0;
    // Both trivial (all together, or all apart): the same partition.
    if most == expected { 1.0 } else { (both - expected) / (most - expected) }
}

#[cfg(test)]
mod tests {
    //! References: scikit-learn 1.x on the same numbers.
    use super::*;
    use crate::mining::test_data::uniform;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    /// Forty scores with many ties.
    fn scored() -> (Vec<f64>, Vec<bool>) {
        let scores: Vec<f64> = uniform(40, 1).iter().map(|u| (u * 10.0).round_ties_even() / 10.0).collect();
        let outcomes = uniform(40, 7).iter().zip(&scores).map(|(u, s)| u < s).collect();
        (scores, outcomes)
    }

    #[test]
    fn figures_are_those_of_scikit_learn() {
        let (scores, outcomes) = scored();
        close(auc(&scores, &outcomes).unwrap(), 0.80125);
        close(brier(&scores, &outcomes).unwrap(), 0.186);
        close(base_rate(&outcomes).unwrap(), 0.5);
        close(top_decile_lift(&scores, &outcomes).unwrap(), 1.5);
        let bins = calibration(&scores, &outcomes);
        assert_eq!(bins.iter().map(|b| b.customers).collect::<Vec<_>>(), [4; 10]);
        close(expected_calibration_error(&bins).unwrap(), 0.2);
    }

    #[test]
    fn ties_count_half_and_scores_of_zero_count() {
        close(auc(&[0.0, 0.0, 0.0, 0.5], &[false, true, false, true]).unwrap(), 0.75);
        close(auc(&[0.3; 4], &[false, true, false, true]).unwrap(), 0.5);
    }

    #[test]
    fn the_top_tenth_is_rounded_up_and_ties_go_to_the_first_key() {
        let mut outcomes = vec![false; 11];
        outcomes[0] = true;
        // Two of eleven are the top tenth; all scores tie, so they are the first two.
        close(top_decile_lift(&[0.5; 11], &outcomes).unwrap(), 5.5);
    }

    #[test]
    fn what_cannot_be_judged_has_no_figure() {
        assert_eq!(auc(&[0.1, 0.2], &[true, true]), None);
        assert_eq!(brier(&[], &[]), None);
        assert_eq!(top_decile_lift(&[0.1], &[false]), None);
        assert!(calibration(&[], &[]).is_empty());
    }

    #[test]
    fn the_adjusted_rand_index_is_that_of_scikit_learn() {
        let group =
            |count: f64, seed| uniform(60, seed).iter().map(|u| (u * count) as usize).collect::<Vec<_>>();
        let (a, b) = (group(4.0, 3), group(3.0, 5));
        let mixed: Vec<usize> = uniform(60, 9)
            .iter()
            .zip(a.iter().zip(&b))
            .map(|(u, (a, b))| if *u < 0.7 { *a } else { *b })
            .collect();
        close(adjusted_rand_index(&a, &b), -0.009124961027897439);
        close(adjusted_rand_index(&a, &mixed), 0.5294899972009719);
        close(adjusted_rand_index(&a, &a.iter().map(|l| 3 - l).collect::<Vec<_>>()), 1.0);
        close(adjusted_rand_index(&[0, 0], &[0, 0]), 1.0);
    }
}
