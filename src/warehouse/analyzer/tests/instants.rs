//! Days and instants from year 1 to 9999.

use arrow::array::{ArrayRef, Date32Array, TimestampMicrosecondArray};
use arrow::datatypes::Date32Type;
use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike};
use proptest::prelude::*;

use super::*;
use crate::clock::parse_instant;
use crate::day;

/// Prices, some of which are valid permanently.
fn prices(zone: &str) -> SessionContext {
    let session = session(zone.parse().unwrap(), 1);
    let day = |text: &str| text.parse::<NaiveDate>().ok().map(Date32Type::from_naive_date);
    let at = |text: &str| parse_instant(text, Tz::UTC).ok().map(|t| t.timestamp_micros());
    let from = ["2025-01-01", "2026-04-01", "2020-01-01", "0001-01-01", "2020-01-01"];
    let to = ["2026-03-31", "9999-12-31", "", "2262-04-12", "2025-12-31"];
    let to_at =
        ["2026-03-31T23:59:59Z", "9999-12-31T23:59:59Z", "", "2262-04-12T00:00:00Z", "2025-12-31T00:00:00Z"];
    let instants: TimestampMicrosecondArray = to_at.iter().map(|t| at(t)).collect();
    table(
        &session,
        vec![
            ("sku", Arc::new(arrow::array::StringArray::from(vec!["A", "E", "B", "C", "D"]))),
            ("valid_from", Arc::new(from.iter().map(|t| day(t)).collect::<Date32Array>())),
            ("valid_to", Arc::new(to.iter().map(|t| day(t)).collect::<Date32Array>())),
            ("until", Arc::new(instants.with_timezone("UTC"))),
        ],
    );
    session
}

#[tokio::test]
async fn what_is_valid_permanently_is_valid_now() {
    let session = prices("Europe/Paris");
    let now = "arrow_cast('2026-07-01T00:00:00Z', 'Timestamp(Microsecond, Some(\"UTC\"))')";
    for (condition, expected) in [
        (format!("valid_to > {now}"), "C,E"),
        (format!("{now} < valid_to"), "C,E"),
        ("valid_to > now() - interval '0 days'".to_owned(), "C,E"),
        ("valid_to > timestamp '2026-07-01T00:00:00Z'".to_owned(), "C,E"),
        (format!("{now} between valid_from and coalesce(valid_to, date '9999-12-31')"), "B,C,E"),
        (format!("{now} not between valid_from and valid_to"), "A,D"),
        (format!("until > {now}"), "C,E"),
        (format!("coalesce(until, timestamp '9999-12-31') > {now}"), "B,C,E"),
        (format!("coalesce(until, valid_to, date '9999-12-31') > {now}"), "B,C,E"),
        (format!("case when until is null then timestamp '9999-12-31' else until end > {now}"), "B,C,E"),
        (format!("cast(valid_to as timestamp) > {now}"), "C,E"),
        ("valid_to > cast('2026-07-01' as timestamp)".to_owned(), "C,E"),
        ("until > '2026-07-01'".to_owned(), "C,E"),
        ("until in (timestamp '9999-12-31 23:59:59')".to_owned(), "E"),
        ("until in (select max(until) from t)".to_owned(), "E"),
        ("valid_to in (select day_end_of from (select until as day_end_of from t))".to_owned(), ""),
        ("exists (select 1 from t as o where o.valid_from > t.until)".to_owned(), "D"),
        ("extract(year from until) = 9999".to_owned(), "E"),
        ("date_trunc('year', until) = timestamp '9999-01-01'".to_owned(), "E"),
        ("to_timestamp(valid_to) > to_timestamp('2300-01-01')".to_owned(), "E"),
        ("to_timestamp_millis(valid_to) > to_timestamp_millis('2300-01-01')".to_owned(), "E"),
        ("valid_to + interval '1 day' > date '9999-12-31'".to_owned(), "E"),
        ("greatest(until, timestamp '2026-01-01') > timestamp '2300-01-01'".to_owned(), "E"),
    ] {
        let sql = format!("select coalesce(string_agg(sku, ',' order by sku), '') from t where {condition}");
        assert_eq!(
            one(&session, &sql).await.map_err(|e| e.to_string()),
            Ok(expected.to_owned()),
            "{condition}"
        );
    }
}

#[tokio::test]
async fn what_is_made_of_such_days_is_right() {
    let session = prices("Europe/Paris");
    for (expression, expected) in [
        ("date_trunc('month', valid_to)", "9999-12-01T00:00:00"),
        ("date_trunc('month', until)", "9999-12-01T00:00:00Z"),
        ("date_trunc('quarter', until)", "9999-10-01T00:00:00Z"),
        ("date_trunc('week', until)", "9999-12-27T00:00:00Z"),
        ("date_trunc('hour', until)", "9999-12-31T23:00:00Z"),
        ("until at time zone 'Europe/Paris'", "+10000-01-01T00:59:59+01:00"),
        ("date_trunc('day', until at time zone 'Asia/Tokyo')", "+10000-01-01T00:00:00+09:00"),
        ("valid_to - valid_from", "2912352"),
        ("to_timestamp(1.5)", "1970-01-01T00:00:01.500Z"),
        ("to_timestamp(cast('253402300799.25' as decimal(20, 2)))", "9999-12-31T23:59:59.250Z"),
        ("to_timestamp(253402300799)", "9999-12-31T23:59:59Z"),
        ("cast(253402300799 as timestamp)", "9999-12-31T23:59:59"),
        (
            "(select max(u) from (select until as u from t union all select valid_to from t))",
            "9999-12-31T23:59:59",
        ),
        ("(select max(column1) from (values (timestamp '9999-12-31'), (null)))", "9999-12-31T00:00:00"),
    ] {
        let sql = format!("select {expression} from t where sku = 'E'");
        let found = one(&session, &sql).await.map_err(|e| e.to_string());
        assert_eq!(
            found.map(|text| text.replace(".250000", ".250").replace(".500000", ".500")),
            Ok(expected.to_owned()),
            "{expression}"
        );
    }
}

#[tokio::test]
async fn a_day_begins_where_the_engine_is() {
    // Local midnight of 1 July: eight hours and more apart.
    for (zone, begun) in
        [("Asia/Tokyo", "2026-06-30T15:00:00Z"), ("America/Los_Angeles", "2026-07-01T07:00:00Z")]
    {
        let session = session(zone.parse().unwrap(), 1);
        let at = parse_instant(begun, Tz::UTC).unwrap().timestamp_micros();
        for (off, is_later) in [(-1, "true"), (0, "false"), (1, "false")] {
            let column: ArrayRef =
                Arc::new(TimestampMicrosecondArray::from(vec![at + off]).with_timezone("UTC"));
            let day: ArrayRef =
                Arc::new(Date32Array::from(vec![Date32Type::from_naive_date("2026-07-01".parse().unwrap())]));
            table(&session, vec![("d", day), ("i", column)]);
            assert_eq!(one(&session, "select d > i from t").await.unwrap(), is_later, "{zone} {off}");
            assert_eq!(
                one(&session, "select count(*) from t as a join t as b on a.d = b.i").await.unwrap(),
                u8::from(off == 0).to_string()
            );
        }
    }
}

fn zones() -> impl Strategy<Value = Tz> {
    (0..chrono_tz::TZ_VARIANTS.len()).prop_map(|n| chrono_tz::TZ_VARIANTS[n])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: std::env::var("SILLAGE_DAYS").ok().and_then(|n| n.parse().ok()).unwrap_or(40), ..ProptestConfig::default() })]

    /// A comparison with a known instant, which is one of days, and one with a column say the same as the
    /// rule itself, for every zone.
    #[test]
    fn a_day_is_compared_by_its_first_instant(
        zone in zones(),
        // From year 1 to 9999, most of them in our times.
        days in prop::collection::vec(prop_oneof![2 => 14_600..22_000_i32, 1 => -719_162..2_932_896_i32], 1..6),
        off in prop_oneof![Just(0_i64), Just(-1), Just(1), -90_000_000_000..90_000_000_000_i64],
        op in 0..6_usize,
    ) {
        let op = ["<", "<=", ">", ">=", "=", "<>"][op];
        let begun = |day: i32| day::day_start(Date32Type::to_naive_date_opt(day).unwrap(), zone).timestamp_micros();
        let instants: Vec<i64> = days.iter().map(|day| begun(*day) + off).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let session = session(zone, 1);
            table(&session, vec![
                ("d", Arc::new(Date32Array::from(days.clone())) as ArrayRef),
                ("i", Arc::new(TimestampMicrosecondArray::from(instants.clone()).with_timezone("UTC")) as ArrayRef),
            ]);
            let holds = |day: i32, instant: i64| match op {
                "<" => begun(day) < instant,
                "<=" => begun(day) <= instant,
                ">" => begun(day) > instant,
                ">=" => begun(day) >= instant,
                "=" => begun(day) == instant,
                _ => begun(day) != instant,
            };
            let expected: Vec<_> = days.iter().zip(&instants).map(|(d, i)| vec![Some(holds(*d, *i).to_string())]).collect();
            prop_assert_eq!(rows_of(&session, &format!("select d {op} i from t")).await.unwrap(), expected.clone());
            let turned = ["<", "<=", ">", ">=", "=", "<>"].iter().zip([">", ">=", "<", "<=", "=", "<>"]).find(|(o, _)| **o == op).unwrap().1;
            prop_assert_eq!(rows_of(&session, &format!("select i {turned} d from t")).await.unwrap(), expected);

            let known = instants[0];
            let frame = session.sql(&format!("select d {op} $as_of from t")).await.unwrap();
            let value = datafusion::common::ScalarValue::TimestampMicrosecond(Some(known), Some("UTC".into()));
            let frame = frame.with_param_values(vec![("as_of", value)]).unwrap();
            let found: Vec<bool> = frame.collect().await.unwrap().iter()
                .flat_map(|batch| {
                    let column = arrow::array::AsArray::as_boolean(batch.column(0)).clone();
                    (0..column.len()).map(move |n| column.value(n)).collect::<Vec<_>>()
                })
                .collect();
            prop_assert_eq!(found, days.iter().map(|d| holds(*d, known)).collect::<Vec<_>>(), "{} {}", zone, known);
            Ok(())
        })?;
    }

    /// `date_trunc` beside chrono's own fields, and beside DataFusion's where that reaches.
    #[test]
    fn an_instant_is_interrupted_by_the_clock_of_its_zone(
        zone in zones(),
        micros in prop_oneof![2 => 0_i64..4_000_000_000_000_000, 1 => -62_135_596_800_000_000..253_402_300_799_999_999_i64],
        unit in 0..9_usize,
    ) {
        let unit = ["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"][unit];
        let sql = format!("select arrow_cast(date_trunc('{unit}', arrow_cast({micros}, 'Timestamp(Microsecond, Some(\"{zone}\"))')), 'Int64')");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (found, theirs) = runtime.block_on(async {
            (one(&session(Tz::UTC, 1), &sql).await.unwrap(), one(&SessionContext::new(), &sql).await)
        });
        let found: i64 = found.parse().unwrap();
        prop_assert!(found <= micros);
        let local = |micros: i64| DateTime::from_timestamp_micros(micros).unwrap().with_timezone(&zone).naive_local();
        let of = local(micros);
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN);
        let date = of.date();
        let clock = |hour, minute, second| date.and_hms_opt(hour, minute, second).unwrap();
        let cut = match unit {
            "year" => midnight(date.with_ordinal(1).unwrap()),
            "quarter" => midnight(NaiveDate::from_ymd_opt(of.year(), [1, 4, 7, 10][of.month0() as usize / 3], 1).unwrap()),
            "month" => midnight(date.with_day(1).unwrap()),
            "week" => midnight(NaiveDate::from_isoywd_opt(of.iso_week().year(), of.iso_week().week(), chrono::Weekday::Mon).unwrap()),
            "day" => midnight(date),
            "hour" => clock(of.hour(), 0, 0),
            "minute" => clock(of.hour(), of.minute(), 0),
            "second" => clock(of.hour(), of.minute(), of.second()),
            _ => clock(of.hour(), of.minute(), of.second()) + TimeDelta::milliseconds(i64::from(of.nanosecond() / 1_000_000)),
        };
        // A time that the clocks jump over is none.
        if zone.from_local_datetime(&cut) != LocalResult::None {
            prop_assert_eq!(local(found), cut, "{} {} {}", zone, unit, of);
        }
        // DataFusion cuts what is before 1970 off upwards.
        if let Ok(theirs) = theirs && micros >= 0 {
            prop_assert_eq!(found.to_string(), theirs, "{} {} {}", zone, unit, of);
        }
    }
}
