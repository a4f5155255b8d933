//! The demo against the truth that was planted in it: identities, segments, churn.

use std::path::Path;
use std::process::Command;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use sillage::mining::metrics::{adjusted_rand_index, auc};

fn sillage(args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_sillage")).args(args).output().unwrap();
    assert!(output.status.success(), "sillage {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Persons that exact keys unite, with what was planted and what was found.
const UNITED: &str = "
    with found as (
      select distinct t.person_id, k.customer_id
      from truth_keys t join keys k on t.key_kind = k.key_kind and lower(trim(t.key_value)) = k.key_value)
    select p.person_id, f.customer_id, p.segment, p.as_of_eligible, p.as_of_churned,
      p.as_of_churn_probability as planted, s.segment_id, c.churn_probability as modelled
    from persons p join found f using (person_id)
    left join segments s using (customer_id) left join churn_scores c using (customer_id)
    where p.united_by_exact_keys";

async fn rows(context: &SessionContext, sql: &str) -> RecordBatch {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

async fn register(context: &SessionContext, name: &str, path: &Path) {
    context.register_parquet(name, path.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
}

#[tokio::test]
async fn the_demo_finds_what_was_planted() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    sillage(&["demo", dir.to_str().unwrap(), "--customers", "3000"]);
    let keys = dir.join("keys.parquet");
    sillage(&[
        "query",
        "select distinct p.key_kind, p.key_value, i.customer_id
         from channel.person_keys p join core.customer_ids i using (source, record_id)",
        "--warehouse",
        dir.join("warehouse").to_str().unwrap(),
        "-o",
        keys.to_str().unwrap(),
    ]);
    let context = SessionContext::new();
    register(&context, "keys", &keys).await;
    register(&context, "truth_keys", &dir.join("truth/keys.parquet")).await;
    register(&context, "persons", &dir.join("truth/persons.parquet")).await;
    for mart in ["segments", "churn_scores"] {
        register(&context, mart, &dir.join(format!("warehouse/bi/mart/{mart}.parquet"))).await;
    }

    // Who is who: one customer a person, and one person a customer but for fathers and sons of one name at one
    // address, where no record of one of them has a date of birth.
    let counts = rows(
        &context,
        &format!("select count(*), count(distinct person_id), count(distinct customer_id) from ({UNITED})"),
    )
    .await;
    let count = |n: usize| counts.column(n).as_primitive::<Int64Type>().value(0);
    assert!(count(0) > 2_000, "{} united persons", count(0));
    assert_eq!(count(0), count(1));
    assert!(count(2) * 1000 >= count(0) * 998, "{} customers of {} persons", count(2), count(0));

    // And those whom no key unites: pairs of records over all channels. What is missing are cookies of
    // visitors who never said who they are.
    let ids = dir.join("ids.parquet");
    let warehouse = dir.join("warehouse");
    let all = "select source, record_id, customer_id from core.customer_ids";
    sillage(&["query", all, "--warehouse", warehouse.to_str().unwrap(), "-o", ids.to_str().unwrap()]);
    register(&context, "ids", &ids).await;
    let pairs = rows(
        &context,
        "with known as (
           select distinct t.person_id, i.source, i.record_id, i.customer_id
           from truth_keys t join ids i on i.source = t.key_kind and i.record_id =
             case when t.key_kind = 'email' then lower(trim(t.key_value)) else t.key_value end),
         pairs as (
           select sum(n * (n - 1) / 2) filter (where of = 'both') as same,
                  sum(n * (n - 1) / 2) filter (where of = 'customer') as found,
                  sum(n * (n - 1) / 2) filter (where of = 'person') as planted
           from (select 'both' as of, count(*) as n from known group by person_id, customer_id
                 union all select 'customer', count(*) from known group by customer_id
                 union all select 'person', count(*) from known group by person_id))
         select cast(same as double) / found, cast(same as double) / planted from pairs",
    )
    .await;
    let (precision, recall) = (
        pairs.column(0).as_primitive::<Float64Type>().value(0),
        pairs.column(1).as_primitive::<Float64Type>().value(0),
    );
    let f1 = 2.0 * precision * recall / (precision + recall);
    assert!(f1 >= 0.99 && precision >= 0.995, "precision {precision}, recall {recall}, F1 {f1}");

    // Churn: nearly as good as the probability it was drawn with.
    let judged = rows(
        &context,
        &format!(
            "select as_of_churned, planted, modelled from ({UNITED})
             where as_of_eligible and modelled is not null order by person_id"
        ),
    )
    .await;
    let churned: Vec<bool> = judged.column(0).as_boolean().iter().flatten().collect();
    let score = |n: usize| judged.column(n).as_primitive::<Float64Type>().values().to_vec();
    let planted = auc(&score(1), &churned).unwrap();
    let modelled = auc(&score(2), &churned).unwrap();
    assert!(planted > 0.75, "planted AUC {planted}");
    // .012 at 20,000 persons; a sixth of them learn a little less.
    assert!(modelled > planted - 0.035, "modelled AUC {modelled}, planted {planted}");

    // Segments: far from chance (0), as far as k-means can tell overlapping habits apart.
    let segmented = rows(
        &context,
        &format!(
            "select arrow_cast(segment, 'Utf8'), segment_id from ({UNITED})
             where segment <> 'prospect' and segment_id is not null order by person_id"
        ),
    )
    .await;
    let mut names: Vec<&str> = Vec::new();
    let truth: Vec<usize> = segmented
        .column(0)
        .as_string::<i32>()
        .iter()
        .flatten()
        .map(|name| {
            names.iter().position(|n| *n == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            })
        })
        .collect();
    let found: Vec<usize> =
        segmented.column(1).as_primitive::<Int64Type>().values().iter().map(|id| *id as usize).collect();
    assert_eq!(truth.len(), found.len());
    let index = adjusted_rand_index(&truth, &found);
    assert!(index > 0.4, "adjusted Rand index {index}");

    crate::ledger::agrees_with_the_truth(&context, dir).await;
    crate::journey::agrees_with_the_truth(&context, dir).await;
}
