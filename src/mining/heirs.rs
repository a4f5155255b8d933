//! Which customers of tonight hold the records of a customer of then: what came for them came for that one.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::logical_expr::{JoinType, col};
use datafusion::prelude::DataFrame;

use crate::error::{Context, Result};
use crate::mining::KEY;
use crate::name::TableName;
use crate::step::Then;
use crate::warehouse::catalog::Catalog;

/// The table of who has which record, in a pipeline that finds customers by records.
pub(super) const CUSTOMER_IDS: &str = "core.customer_ids";
pub(super) const THEN: &str = "__customer_then";
pub(super) const TONIGHT: &str = "__customer_tonight";

/// Returns the pairs of a customer of then and one of tonight who have a record in common; `None` where
/// customers are not found by records, or were the same then.
///
/// # Errors
/// A table of ids that cannot be read.
pub(super) async fn of(then: &Then, tonight: &Catalog) -> Result<Option<DataFrame>> {
    let ids: TableName = CUSTOMER_IDS.parse()?;
    if !then.is_anew(&ids) {
        return Ok(None);
    }
    let doing = "find the customers of tonight who have the records of then";
    let read = async |catalog: &Catalog, prefix: &str, id: &str| -> Result<DataFrame> {
        let rows = catalog.session(BTreeSet::from([&ids]), None).await?.table(&ids).await?;
        let columns = ["source", "record_id"].map(|name| col(name).alias(format!("{prefix}_{name}")));
        rows.select([columns.as_slice(), &[col(KEY).alias(id)]].concat()).doing(doing)
    };
    let (then, tonight) = (read(then.catalog(), "then", THEN).await?, read(tonight, "now", TONIGHT).await?);
    then.join(
        tonight,
        JoinType::Inner,
        &["then_source", "then_record_id"],
        &["now_source", "now_record_id"],
        None,
    )
    .and_then(|both| both.select(vec![col(THEN), col(TONIGHT)]))
    .and_then(DataFrame::distinct)
    .doing(doing)
    .map(Some)
}

/// Returns, in words, how many customers of then are united from several records; `None` where customers are not
/// found by records.
///
/// # Errors
/// A table of ids that cannot be read.
pub(super) async fn united_from_several(then: &Then) -> Result<Option<String>> {
    let ids: TableName = CUSTOMER_IDS.parse()?;
    if then.catalog().table(&ids).await?.is_none() {
        return Ok(None);
    }
    let doing = "count the customers of several records";
    let session = then.catalog().session([&ids], None).await?;
    let sql = format!(
        "select count(*), count(*) filter (where records > 1)
         from (select count(*) as records from {ids} group by {KEY})"
    );
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    let count = |n: usize| -> i64 {
        batches.iter().map(|batch| batch.column(n).as_primitive::<Int64Type>().value(0)).sum()
    };
    Ok(Some(format!(
        "{} of {} customers are united from several records; since when, the training cannot know",
        count(1),
        count(0)
    )))
}

/// Returns for whom of then it came, in the column of `came`, which names customers of tonight. Who has no
/// record is the same customer as then.
///
/// # Errors
/// None, unless the frames do not join.
pub(super) fn for_whom(came: DataFrame, heirs: DataFrame) -> Result<DataFrame> {
    let doing = "find for whom the outcome came";
    let column = came.schema().field(0).name().clone();
    let of_records = came
        .clone()
        .join(heirs.clone(), JoinType::Inner, &[&column], &[TONIGHT], None)
        .and_then(|came| came.select(vec![col(THEN).alias(&column)]))
        .doing(doing)?;
    came.join(heirs, JoinType::LeftAnti, &[&column], &[THEN], None)
        .and_then(|others| others.union(of_records))
        .and_then(DataFrame::distinct)
        .doing(doing)
}
