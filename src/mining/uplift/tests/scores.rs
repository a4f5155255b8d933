//! SQL says of a customer what the regressions say, to the rounding of `exp`.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::logical_expr::ident;
use datafusion::prelude::SessionContext;

use super::*;
use crate::mining::KEY;
use crate::mining::fitted::FittedModel;
use crate::mining::uplift::fit::fit;
use crate::mining::uplift::learner::{Learner, Learnt, learn};
use crate::mining::uplift::score::{Scorer, score};

fn batch(matrix: &Matrix) -> RecordBatch {
    let ids: ArrayRef = std::sync::Arc::new(Int64Array::from_iter_values(0..matrix.rows() as i64));
    let columns = matrix.columns.iter().enumerate().map(|(index, name)| {
        let values: ArrayRef = std::sync::Arc::new(Float64Array::from(matrix.values.column(index).to_vec()));
        (name.as_str(), values)
    });
    RecordBatch::try_from_iter(std::iter::once((KEY, ids)).chain(columns)).unwrap()
}

#[tokio::test]
async fn sql_scores_as_the_regressions_do_and_from_the_rows_of_the_model() {
    let all = lived(3, 3000);
    let params = params();
    for learner in Learner::ALL {
        let Learnt { regressions, preprocessor } =
            learn(params.regression(), learner, &all[4].trials).unwrap_or_else(|_| panic!("not learnt"));
        let matrix = &all[3].trials.features;
        let expected = regressions.uplift(&preprocessor.scaling.apply(matrix));
        let tenths = vec![0.05, 0.0];
        let (one_hot, scaling) = (preprocessor.one_hot, preprocessor.scaling);
        let scorer = Scorer { one_hot, scaling, regressions, margin: 20.0, cost: 1.2, tenths };
        let mut fitted = FittedModel::fitted("letter", crate::mining::fitted::ModelKind::Uplift);
        scorer.store(&mut fitted);
        let again = FittedModel::from_batches(&[fitted.to_batch().unwrap()]).unwrap().remove(0);
        let frame = SessionContext::new().read_batch(batch(matrix)).unwrap();
        let scores = score(&again, frame, Some("recency_days < 300")).unwrap();
        let scores = scores.sort(vec![ident(KEY).sort(true, true)]).unwrap().collect().await.unwrap();
        let scores = arrow::compute::concat_batches(&scores[0].schema(), &scores).unwrap();
        let number = |name: &str| scores.column_by_name(name).unwrap().as_primitive::<Float64Type>().clone();
        let (uplift, profit) = (number("letter_uplift"), number("letter_incremental_profit"));
        let (with, without) = (number("letter_treated_probability"), number("letter_untreated_probability"));
        let decile = scores.column_by_name("letter_decile").unwrap().as_primitive::<Int64Type>().clone();
        for (row, expected) in expected.iter().enumerate() {
            if matrix.values[[row, 0]] >= 300.0 {
                assert!(
                    uplift.is_null(row) && with.is_null(row) && profit.is_null(row) && decile.is_null(row)
                );
                continue;
            }
            assert!((uplift.value(row) - expected).abs() < 1e-12);
            assert!((profit.value(row) - (20.0 * expected - 1.2)).abs() < 1e-10);
            assert!((0.0..=1.0).contains(&with.value(row)) && (0.0..=1.0).contains(&without.value(row)));
            let place = 1 + i64::from(*expected < 0.05) + i64::from(*expected < 0.0);
            assert_eq!(decile.value(row), place);
        }
    }
}

#[tokio::test]
async fn who_cannot_be_learnt_of_has_no_score() {
    let params = UpliftParams { min_controls: 100_000, ..params() };
    let all = lived(3, 300);
    let frame = SessionContext::new().read_batch(batch(&all[4].trials.features)).unwrap();
    let fitted = fit("letter", &params, all, 42).unwrap().fitted;
    let scores = score(&fitted, frame, None).unwrap().collect().await.unwrap();
    let names: Vec<String> = scores[0].schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(
        names,
        [
            "customer_id",
            "letter_uplift",
            "letter_treated_probability",
            "letter_untreated_probability",
            "letter_incremental_profit",
            "letter_decile"
        ]
    );
    assert!(scores.iter().all(|batch| batch.column(1).null_count() == batch.num_rows()));
}
