//! The demo's ledger against the profit that was planted: who costs more than they bring, and the cheques that were
//! wasted on them.

use std::path::Path;
use std::process::Command;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type};
use datafusion::prelude::{ParquetReadOptions, SessionContext};

/// Each customer with the person whom most of their keys are of, and whether each is the other's only one.
pub const WHO: &str = "
    with pairs as (
      select i.customer_id, t.person_id, count(*) as n
      from truth_keys t join ids i on i.source = t.key_kind and i.record_id =
        case when t.key_kind = 'email' then lower(trim(t.key_value)) else t.key_value end
      group by 1, 2)
    select customer_id, person_id,
      count(*) over (partition by customer_id) = 1 and count(*) over (partition by person_id) = 1 as only_one,
      row_number() over (partition by customer_id order by n desc, person_id) as nth
    from pairs";

async fn row(context: &SessionContext, sql: &str) -> RecordBatch {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Compares a demo's marts with its truth. `context` has `ids` (core.customer_ids), `truth_keys` and
/// `persons`.
pub async fn agrees_with_the_truth(context: &SessionContext, demo: &Path) {
    let tables = [
        ("true_profits", "truth/profits.parquet"),
        ("unprofitable", "warehouse/bi/mart/unprofitable_customers.parquet"),
        ("eligible", "warehouse/bi/mart/reward_eligibility.parquet"),
        ("audit", "warehouse/bi/mart/reward_audit.parquet"),
    ];
    for (name, file) in tables {
        let path = demo.join(file);
        context.register_parquet(name, path.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
    }
    let found = row(
        context,
        &format!(
            "with who as ({WHO}),
             found as (select distinct person_id from unprofitable join who using (customer_id) where nth = 1),
             planted as (select person_id from true_profits where is_unprofitable)
             select (select count(*) from found) as found, (select count(*) from planted) as planted,
               (select count(*) from found join planted using (person_id)) as hit"
        ),
    )
    .await;
    let count = |n: usize| found.column(n).as_primitive::<Int64Type>().value(0) as f64;
    let (precision, recall) = (count(2) / count(0), count(2) / count(1));
    assert!(count(1) > 100.0, "{} unprofitable persons planted", count(1));
    assert!(precision >= 0.95 && recall >= 0.95, "precision {precision}, recall {recall}");

    // To the euro, where keys unite a person's records and the linkage found one customer for one person. A letter
    // whose card number the printer lost, or a ticket without one, is nobody's in the books.
    let wasted = row(
        context,
        &format!(
            "with who as ({WHO})
             select sum(e.rewards_wasted), sum(t.rewards_wasted), sum(e.rewards_given), -sum(t.reward), count(*)
             from who join eligible e using (customer_id) join true_profits t using (person_id)
               join persons p using (person_id)
             where only_one and p.united_by_exact_keys"
        ),
    )
    .await;
    let cents = |n: usize| wasted.column(n).as_primitive::<Decimal128Type>().value(0);
    let planted =
        |n: usize| (wasted.column(n).as_primitive::<Float64Type>().value(0) * 100.0).round() as i128;
    assert!(wasted.column(4).as_primitive::<Int64Type>().value(0) > 2_200);
    assert!(planted(1) > 100_000, "cheques for {} cents wasted", planted(1));
    assert_eq!(cents(0), planted(1));
    assert_eq!(cents(2), planted(3));
}

/// Makes one mistake in one model after another: nothing is published, and the check names what is off.
#[test]
fn a_cent_that_is_off_stops_the_night_with_its_document() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    let sillage = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_sillage"))
            .args(args)
            .env("SILLAGE_DATA", demo.join("exports"))
            .output()
            .unwrap()
    };
    assert!(sillage(&["demo", demo.to_str().unwrap(), "--customers", "100"]).status.success());
    let pipeline = demo.join("pipelines/nightly.toml");
    let at = ["--warehouse", demo.join("warehouse").to_str().unwrap()].map(str::to_owned);
    for (file, of, to, table) in [
        // Rounded: what was given away is a cent less on every line.
        ("core/ledger.sql", "-discount, -tax", "-discount + 0.01, -tax", "core.ledger"),
        // Re-keyed: the same amounts under other numbers.
        ("core/rewards.sql", "rewards.reward,\n", "concat(rewards.reward, 'x') as reward,\n", "core.rewards"),
        // Lost: some customers are left out.
        (
            "mart/customer_profit.sql",
            "where customer_id is not null\n",
            "where customer_id > 'c4'\n",
            "mart.customer_profit",
        ),
    ] {
        let path = demo.join("sql/nightly").join(file);
        let sql = std::fs::read_to_string(&path).unwrap();
        assert!(sql.contains(of), "{file}");
        std::fs::write(&path, sql.replacen(of, to, 1)).unwrap();
        let select = ["run", pipeline.to_str().unwrap(), "--select", table];
        let output = sillage(&[&select[..], &[&at[0], &at[1]]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{file}: {said}");
        assert!(said.contains("BROKEN  check reconciles"), "{file}: {said}");
        std::fs::write(&path, sql).unwrap();
    }
}
