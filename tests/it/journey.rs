//! The way of the demo's customers against what was planted: cohorts, recommendations, the loyalty scheme, who waits,
//! what retention is worth.

use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::ledger::WHO;

/// Persons whose records keys unite and whom the linkage found as one customer: what is theirs must be exact.
fn certain() -> String {
    format!(
        "select who.customer_id, who.person_id from ({WHO}) who join persons p on p.person_id = who.person_id
         where who.only_one and p.united_by_exact_keys"
    )
}

async fn rows(context: &SessionContext, sql: &str) -> RecordBatch {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Returns the numbers of the one row of a query.
async fn numbers(context: &SessionContext, sql: &str) -> Vec<f64> {
    let batch = rows(context, sql).await;
    assert_eq!(batch.num_rows(), 1, "{sql}");
    let columns = batch.columns().iter().map(|column| {
        arrow::compute::cast(column, &arrow::datatypes::DataType::Float64)
            .unwrap()
            .as_primitive::<Float64Type>()
            .value(0)
    });
    columns.collect()
}

/// Compares a demo's marts with its truth. `context` has `ids`, `truth_keys`, `persons` and `true_profits`.
pub async fn agrees_with_the_truth(context: &SessionContext, demo: &Path) {
    for name in ["journeys", "referrals", "payback"] {
        register(context, &format!("true_{name}"), &demo.join(format!("truth/{name}.parquet"))).await;
    }
    for name in [
        "customer_cohorts",
        "cohort_retention",
        "customer_value",
        "referral_value",
        "loyalty_contract",
        "loyalty_balance",
        "waiting_by_value",
        "retention_effect",
        "portfolio_equity",
        "portfolio",
        "targeted_against_blind",
    ] {
        register(context, name, &demo.join(format!("warehouse/bi/mart/{name}.parquet"))).await;
    }
    cohorts(context).await;
    recommendations(context).await;
    loyalty(context).await;
    waiting(context).await;
    retention(context).await;
    equity(context).await;
    campaigns(context).await;
}

async fn register(context: &SessionContext, name: &str, path: &Path) {
    context.register_parquet(name, path.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
}

async fn cohorts(context: &SessionContext) {
    let each = numbers(
        context,
        &format!(
            "select count(*), count(*) filter (where
               (c.first_order_on is not distinct from t.first_order_on)
               and arrow_cast(c.acquisition_channel, 'Utf8') = arrow_cast(t.acquisition_channel, 'Utf8')
               and (c.is_targeted is not distinct from t.is_targeted)
               and (c.cohort_month is not distinct from case
                 when t.came_on >= date '2024-07-01' then cast(date_trunc('month', t.first_order_on) as date) end))
               as as_planted
             from ({}) known join customer_cohorts c using (customer_id) join true_journeys t using (person_id)",
            certain()
        ),
    )
    .await;
    assert!(each[0] > 1_900.0, "{each:?}");
    assert_eq!(each[0], each[1], "of {} customers {} are in their cohort", each[0], each[1]);
    // The same cohorts from the months in which each person ordered; the linkage may err on a few.
    let truth = "
        with came as (
          select cast(date_trunc('month', first_order_on) as date) as cohort_month, months_with_orders,
            cast((date_part('year', first_order_on) - 2024) * 12 + date_part('month', first_order_on) - 7 as bigint) as first
          from true_journeys where came_on >= date '2024-07-01' and first_order_on is not null),
        later as (select *, unnest(generate_series(0, 23)) as months_since from came),
        planted as (
          select cohort_month, months_since, count(*) as customers,
            sum((months_with_orders >> (first + months_since)) & 1) as active
          from later where first + months_since < 24 group by 1, 2)";
    let off = numbers(
        context,
        &format!(
            "{truth}
             select count(*) as months, sum(p.active), sum(abs(p.active - coalesce(r.active_customers, 0))),
               sum(case when r.customers is null then 1 else 0 end),
               (select count(*) from cohort_retention where acquisition_channel = 'all') as months_found
             from planted p left join cohort_retention r
               on r.acquisition_channel = 'all' and r.cohort_month = p.cohort_month and r.months_since = p.months_since"
        ),
    )
    .await;
    // 23 months with a cohort each (nobody comes in the last), followed to the end.
    assert_eq!([off[0], off[3], off[4]], [299.0, 0.0, 299.0]);
    assert!(off[1] > 3_000.0 && off[2] <= 0.03 * off[1], "{} of {} active customers are off", off[2], off[1]);
}

async fn recommendations(context: &SessionContext) {
    let found = numbers(
        context,
        &format!(
            "with known as ({certain}),
             -- Recommenders all of whose friends are certain as well.
             planted as (
               select r.person_id, count(*) as recommended, count(known.customer_id) as certain,
                 sum(case when t.orders > 0 then 1 else 0 end) as won,
                 round(sum(t.sales + t.discounts + t.returns + t.tax + t.product_cost), 2) as margin,
                 sum(cast(v.value as decimal(18,2))) as value
               from true_referrals r join true_profits t on t.person_id = r.referred_person_id
                 left join known on known.person_id = r.referred_person_id
                 left join customer_value v on v.customer_id = known.customer_id
               group by 1)
             select count(*), sum(p.won), count(*) filter (where p.recommended = m.recommended
               and p.won = m.customers_won and p.margin = cast(m.referred_margin as double)
               and p.value = m.referred_value)
             from planted p join known on known.person_id = p.person_id
               left join referral_value m on m.customer_id = known.customer_id
             where p.recommended = p.certain",
            certain = certain()
        ),
    )
    .await;
    assert!(found[0] > 40.0 && found[1] > 40.0, "{found:?}");
    assert_eq!(found[0], found[2], "of {} recommenders {} have their referrals", found[0], found[2]);
    // The sum line is what everybody concerned is worth, once each; own and referred values are more.
    let sums = numbers(
        context,
        "select sum(value_counted_once) filter (where customer_id <> '(all)'),
           sum(value_counted_once) filter (where customer_id = '(all)'),
           sum(value_with_referrals) filter (where customer_id <> '(all)') from referral_value",
    )
    .await;
    assert!((sums[0] - sums[1]).abs() < 0.005 && sums[2] > sums[0], "{sums:?}");
}

async fn loyalty(context: &SessionContext) {
    let members = numbers(
        context,
        &format!(
            "select count(*), count(*) filter (where c.is_member), count(*) filter (where
               c.is_member = t.is_member and c.rewards = t.rewards
               and (c.points is not distinct from t.points))
             from ({}) known join loyalty_contract c using (customer_id) join true_journeys t using (person_id)",
            certain()
        ),
    )
    .await;
    assert!(members[1] > 1_000.0 && members[0] > members[1] + 300.0, "{members:?}");
    assert_eq!(members[0], members[2], "of {} contracts {} are as planted", members[0], members[2]);
    let balance = numbers(
        context,
        "select count(*), min(members_matched), min(others_matched),
           max(case when measure = 'first order' then abs(standardised_after) end),
           max(case when measure = 'first order on the web' then abs(difference) end) from loyalty_balance",
    )
    .await;
    assert!(balance[0] == 18.0 && balance[1] > 200.0 && balance[2] > 200.0, "{balance:?}");
    assert!(balance[3] < 0.25 && balance[4] == 0.0, "{balance:?}");
}

async fn waiting(context: &SessionContext) {
    // Every second that somebody waited is in one row.
    let all = numbers(
        context,
        "select sum(calls), sum(waited_s), sum(resolved_calls), sum(issues),
           (select sum(calls) from true_journeys), (select sum(waited_s) from true_journeys),
           (select sum(calls_resolved) from true_journeys), (select sum(issues) from true_journeys)
         from waiting_by_value where period = 'all'",
    )
    .await;
    assert!(all[0] > 1_000.0, "{all:?}");
    assert_eq!(all[..3], all[4..7]);
    // Who is taken for two persons has two issues.
    assert!(all[3] >= all[7] && all[3] < 1.02 * all[7], "{} issues, {} planted", all[3], all[7]);
    let by_decile = numbers(
        context,
        &format!(
            "with ranked as (
               select customer_id, ntile(10) over (order by expected_margin desc nulls last, customer_id) as decile
               from customer_value where purchases > 0),
             planted as (
               select case when decile <= 3 then 1 when decile >= 8 then 3 else 2 end as third,
                 cast(sum(waited_s) as double) / sum(calls) as mean
               from ranked join ({}) known using (customer_id) join true_journeys using (person_id) group by 1),
             found as (
               select case when cast(value_decile as int) <= 3 then 1 when cast(value_decile as int) >= 8 then 3 else 2 end
                 as third, cast(sum(waited_s) as double) / sum(calls) as mean
               from waiting_by_value where period = 'all' and value_decile not in ('never bought', 'unknown') group by 1)
             select max(case when third = 1 then f.mean end), max(case when third = 3 then f.mean end),
               max(case when third = 1 then p.mean end), max(case when third = 3 then p.mean end)
             from planted p join found f using (third)",
            certain()
        ),
    )
    .await;
    for (found, planted) in [(by_decile[0], by_decile[2]), (by_decile[1], by_decile[3])] {
        assert!((found / planted - 1.0).abs() < 0.05, "{by_decile:?}");
    }
}

async fn retention(context: &SessionContext) {
    let all = numbers(
        context,
        &format!(
            "select customers, margin_per_customer, retention, discount_rate, worth_per_customer, effect_per_customer,
               (select avg(case when t.drawn_orders_365d > 0 then 1.0 else 0.0 end)
                from ({}) known join true_profits t using (person_id) join customer_value v using (customer_id)
                where v.days_since_purchase < 365)
             from retention_effect where dimension = 'all'",
            certain()
        ),
    )
    .await;
    let [margin, retention, rate, worth, effect] = [all[1], all[2], all[3], all[4], all[5]];
    // What like customers did a year ago is what these did in the year that was drawn for them.
    assert!((retention - all[6]).abs() < 0.05, "retention {retention}, {} planted", all[6]);
    // And segment by segment, large ones.
    let segments = rows(
        context,
        &format!(
            "select max(r.retention), avg(case when t.drawn_orders_365d > 0 then 1.0 else 0.0 end)
             from ({}) known join true_profits t using (person_id) join customer_value v using (customer_id)
               join segments s using (customer_id)
               join retention_effect r on r.dimension = 'segment' and r.dimension_value = s.segment_name
             where v.days_since_purchase < 365
             group by s.segment_name having count(*) > 100",
            certain()
        ),
    )
    .await;
    assert!(segments.num_rows() > 3);
    for row in 0..segments.num_rows() {
        let [found, planted] = [0, 1].map(|n| segments.column(n).as_primitive::<Float64Type>().value(row));
        assert!((found - planted).abs() < 0.08, "retention {found}, {planted} planted");
    }
    // Closed form, to the cent.
    let closed = |r: f64| margin * r / (1.0 + rate - r);
    assert_eq!(rate, 0.1);
    assert!(
        (closed(retention) - worth).abs() < 0.02 * worth / margin,
        "{} against {worth}",
        closed(retention)
    );
    assert!((closed(retention + 0.05) - closed(retention) - effect).abs() < 0.01 * worth / margin);
    // And by customers who are kept or lost one year after the other.
    let mut draws = Xoshiro256PlusPlus::seed_from_u64(15);
    let mut lived = |r: f64| {
        let customers = 200_000;
        let brought: f64 = (0..customers)
            .map(|_| {
                (1..)
                    .take_while(|_| draws.gen_bool(r))
                    .map(|year| margin / (1.0 + rate).powi(year))
                    .sum::<f64>()
            })
            .sum();
        brought / f64::from(customers)
    };
    let (now, more) = (lived(retention), lived(retention + 0.05));
    assert!((now / worth - 1.0).abs() < 0.01, "{now} lived, {worth} computed");
    assert!(((more - now) / effect - 1.0).abs() < 0.05, "{} lived, {effect} computed", more - now);
}

async fn equity(context: &SessionContext) {
    let all = numbers(
        context,
        "select e.equity as a, e.equity_low as b, e.equity_high as c,
           (select sum(cast(value as decimal(18,2))) from customer_value) as d,
           (select equity from portfolio where month = (select max(month) from portfolio)) as e,
           (select count(*) from portfolio where equity is not null) as f,
           (select sum(margin_low) from customer_value) as g
         from portfolio_equity e where dimension = 'all'",
    )
    .await;
    assert_eq!([all[0], all[0], 1.0], [all[3], all[4], all[5]]);
    // Bounds of customers do not add up: the sum of them lies far outside.
    assert!(all[6] < all[1] && all[1] < all[0] && all[0] < all[2], "{all:?}");
}

async fn campaigns(context: &SessionContext) {
    let found = rows(
        context,
        "select arrow_cast(m.kind, 'Utf8'), cast(m.cost as double), m.customers, p.cost, p.customers
         from targeted_against_blind m join (
           select case when acquisition_channel = 'courrier ciblé' then 'targeted' else 'blind' end as kind,
             sum(acquisition_cost) as cost, sum(customers) as customers
           from true_payback where acquisition_channel in ('courrier ciblé', 'prospectus') group by 1) p on p.kind = m.kind
         order by 1",
    )
    .await;
    assert_eq!(found.num_rows(), 2);
    for row in 0..2 {
        let amount = |n: usize| found.column(n).as_primitive::<Float64Type>().value(row);
        let count = |n: usize| found.column(n).as_primitive::<Int64Type>().value(row) as f64;
        assert!((amount(1) - amount(3)).abs() < 0.005, "{} paid, {} planted", amount(1), amount(3));
        assert!(count(2) > 20.0 && (count(2) / count(4) - 1.0).abs() < 0.03, "{} of {}", count(2), count(4));
    }
}
