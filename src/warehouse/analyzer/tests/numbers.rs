//! Arithmetic against whole numbers of 76 digits: right to the last digit, or an error that names the
//! expression.

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, i256};
use proptest::prelude::*;

use super::*;

/// A type of numbers without decimal places, and how far it reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Whole {
    Signed(u32),
    Unsigned(u32),
    Digits(u8),
}

const TYPES: [Whole; 10] = [
    Whole::Signed(8),
    Whole::Signed(16),
    Whole::Signed(32),
    Whole::Signed(64),
    Whole::Unsigned(8),
    Whole::Unsigned(32),
    Whole::Unsigned(64),
    Whole::Digits(12),
    Whole::Digits(30),
    Whole::Digits(38),
];

fn big(number: i128) -> i256 {
    i256::from_i128(number)
}

fn power(base: i128, exponent: u32) -> i256 {
    (0..exponent).fold(big(1), |product, _| product.checked_mul(big(base)).unwrap())
}

impl Whole {
    fn of(kind: &DataType) -> Whole {
        match kind {
            DataType::Int8 => Whole::Signed(8),
            DataType::Int16 => Whole::Signed(16),
            DataType::Int32 => Whole::Signed(32),
            DataType::Int64 => Whole::Signed(64),
            DataType::UInt8 => Whole::Unsigned(8),
            DataType::UInt16 => Whole::Unsigned(16),
            DataType::UInt32 => Whole::Unsigned(32),
            DataType::UInt64 => Whole::Unsigned(64),
            DataType::Decimal128(digits, 0) => Whole::Digits(*digits),
            other => panic!("{other} is no whole number"),
        }
    }

    fn arrow(self) -> DataType {
        match self {
            Whole::Signed(8) => DataType::Int8,
            Whole::Signed(16) => DataType::Int16,
            Whole::Signed(32) => DataType::Int32,
            Whole::Signed(_) => DataType::Int64,
            Whole::Unsigned(8) => DataType::UInt8,
            Whole::Unsigned(32) => DataType::UInt32,
            Whole::Unsigned(_) => DataType::UInt64,
            Whole::Digits(digits) => DataType::Decimal128(digits, 0),
        }
    }

    fn bounds(self) -> (i256, i256) {
        let one = big(1);
        match self {
            Whole::Signed(bits) => (power(2, bits - 1).wrapping_neg(), power(2, bits - 1).wrapping_sub(one)),
            Whole::Unsigned(bits) => (big(0), power(2, bits).wrapping_sub(one)),
            Whole::Digits(digits) => {
                let most = power(10, u32::from(digits)).wrapping_sub(one);
                (most.wrapping_neg(), most)
            }
        }
    }

    fn holds(self, number: i256) -> bool {
        let (least, most) = self.bounds();
        number >= least && number <= most
    }

    /// A column of these numbers.
    fn column(self, numbers: &[Option<i256>]) -> ArrayRef {
        let texts: StringArray = numbers.iter().map(|n| n.map(|n| n.to_string())).collect();
        let whole = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(&texts, &self.arrow(), &whole).unwrap()
    }

    /// Numbers around the bounds, around nothing, and anywhere.
    fn numbers(self, many: usize) -> impl Strategy<Value = Vec<Option<i256>>> {
        let (least, most) = self.bounds();
        let near = prop_oneof![Just(least), Just(most), Just(big(0)), Just(big(1)), Just(big(-1))];
        let near = (near, -3..4_i128).prop_map(|(at, off)| at.wrapping_add(big(off)));
        let any = (any::<i128>(), any::<bool>()).prop_map(move |(n, small)| {
            let n = if small { n % 1000 } else { n };
            big(n)
        });
        let number = prop_oneof![2 => near, 1 => any];
        let number = number.prop_map(move |n| if self.holds(n) { n } else { big(1) });
        prop::collection::vec(prop_oneof![9 => number.prop_map(Some), 1 => Just(None)], 1..many)
    }
}

fn ask(
    sql: &str,
    threads: usize,
    columns: Vec<(&str, ArrayRef)>,
) -> (Option<DataType>, Result<Vec<Option<String>>, Error>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let session = session(Tz::UTC, threads);
        table(&session, columns);
        let Ok(frame) = session.sql(sql).await else { return (None, Err(Error::failed("not planned"))) };
        let kind = frame.schema().field(frame.schema().fields().len() - 1).data_type().clone();
        let rows = rows_of(&session, sql).await;
        (Some(kind), rows.map(|rows| rows.into_iter().map(|mut row| row.pop().unwrap()).collect()))
    })
}

/// What must come of a query: these numbers, or an error where one of them does not fit its type.
fn require(
    sql: &str,
    threads: usize,
    columns: Vec<(&str, ArrayRef)>,
    exact: &[Option<i256>],
) -> Result<(), TestCaseError> {
    let (kind, found) = ask(sql, threads, columns);
    let kind = Whole::of(&kind.unwrap());
    let fits = exact.iter().flatten().all(|number| kind.holds(*number));
    match found {
        Ok(found) => {
            let exact: Vec<Option<String>> = exact.iter().map(|n| n.map(|n| n.to_string())).collect();
            prop_assert!(fits, "{sql} in {kind:?}: {found:?} for {exact:?}");
            prop_assert_eq!(found, exact, "{}", sql);
        }
        Err(error) => {
            let message = error.to_string();
            prop_assert!(!fits, "{sql} in {kind:?} for {exact:?}: {message}");
            prop_assert!(message.contains("is out of the range of"), "{message}");
        }
    }
    Ok(())
}

fn types() -> impl Strategy<Value = Whole> {
    (0..TYPES.len()).prop_map(|n| TYPES[n])
}

/// Two columns, row by row.
type Pairs = Vec<(Option<i256>, Option<i256>)>;

/// A type with two columns of it.
fn pairs() -> impl Strategy<Value = (Whole, Pairs)> {
    types().prop_flat_map(|kind| {
        (kind.numbers(7), kind.numbers(7)).prop_map(move |(a, b)| (kind, a.into_iter().zip(b).collect()))
    })
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("SILLAGE_NUMBERS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    ProptestConfig { failure_persistence: None, cases, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn operations_are_exact_or_refused((kind, pairs) in pairs(), op in 0..5_usize) {
        let sign = ["+", "-", "*", "/", "%"][op];
        let computed = |a: i256, b: i256| match op {
            0 => a.checked_add(b),
            1 => a.checked_sub(b),
            2 => a.checked_mul(b),
            3 => a.checked_div(b),
            _ => a.checked_rem(b),
        };
        // Division of decimals gives decimal places; of what divides by nothing there is a test of its own.
        prop_assume!(op < 3 || !matches!(kind, Whole::Digits(_)));
        prop_assume!(op < 3 || pairs.iter().all(|(_, b)| *b != Some(big(0))));
        let exact: Vec<Option<i256>> = pairs.iter().map(|(a, b)| computed((*a)?, (*b)?)).collect();
        // Products of 76 digits and more: there is no type for them.
        let beyond = pairs.iter().zip(&exact).any(|((a, b), exact)| a.is_some() && b.is_some() && exact.is_none());
        let (a, b): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let columns = || vec![("a", kind.column(&a)), ("b", kind.column(&b))];
        if beyond {
            let found = ask(&format!("select a {sign} b from t"), 1, columns()).1;
            prop_assert!(found.is_err());
        } else {
            require(&format!("select a {sign} b from t"), 1, columns(), &exact)?;
        }
        // One side a constant.
        if let [(Some(a), Some(b)), ..] = pairs[..] && let Some(made) = computed(a, b) {
            let sql = format!("select a {sign} arrow_cast('{b}', '{}') from t limit 1", kind.arrow());
            require(&sql, 1, columns(), &[Some(made)])?;
            let sql = format!("select arrow_cast('{a}', '{0}') {sign} arrow_cast('{b}', '{0}')", kind.arrow());
            require(&sql, 1, columns(), &[Some(made)])?;
        }
    }

    #[test]
    fn the_opposite_and_the_size_of_a_number_are_exact_or_refused((kind, pairs) in pairs()) {
        prop_assume!(!matches!(kind, Whole::Unsigned(_)));
        let numbers: Vec<Option<i256>> = pairs.iter().map(|(a, _)| *a).collect();
        let opposite: Vec<Option<i256>> = numbers.iter().map(|n| n.map(i256::wrapping_neg)).collect();
        require("select -a from t", 1, vec![("a", kind.column(&numbers))], &opposite)?;
        let size = |n: i256| if n < big(0) { n.wrapping_neg() } else { n };
        let sizes: Vec<Option<i256>> = numbers.iter().map(|n| n.map(size)).collect();
        let (of, found) = ask("select abs(a) from t", 1, vec![("a", kind.column(&numbers))]);
        let fits = sizes.iter().flatten().all(|n| Whole::of(of.as_ref().unwrap()).holds(*n));
        prop_assert_eq!(found.is_ok(), fits);
    }

    #[test]
    fn sums_are_exact_or_refused_whatever_the_threads(
        (kind, numbers) in types().prop_flat_map(|kind| (Just(kind), kind.numbers(40))),
        groups in prop::collection::vec(0..3_i64, 40),
        threads in 1..4_usize,
    ) {
        let groups = &groups[..numbers.len()];
        let total = |of: &mut dyn Iterator<Item = i256>| of.map(Some).reduce(|a, b| a?.checked_add(b?)).flatten();
        let columns = || vec![
            ("a", kind.column(&numbers)),
            ("g", Arc::new(Int64Array::from(groups.to_vec())) as ArrayRef),
            ("n", Arc::new(Int64Array::from_iter_values(0..numbers.len() as i64)) as ArrayRef),
        ];
        let all = total(&mut numbers.iter().flatten().copied());
        require("select sum(a) from t", threads, columns(), &[all])?;
        let mut distinct: Vec<i256> = numbers.iter().flatten().copied().collect();
        distinct.sort();
        distinct.dedup();
        require("select sum(distinct a) from t", threads, columns(), &[total(&mut distinct.into_iter())])?;

        let mut met: Vec<i64> = groups.to_vec();
        met.sort_unstable();
        met.dedup();
        let by_group: Vec<Option<i256>> = met
            .iter()
            .map(|g| total(&mut numbers.iter().zip(groups).filter(|(_, of)| *of == g).filter_map(|(n, _)| *n)))
            .collect();
        require("select g, sum(a) as s from t group by g order by g", threads, columns(), &by_group)?;
        let kept: Vec<Option<i256>> = met
            .iter()
            .map(|g| {
                let of_group = numbers.iter().zip(groups).enumerate().filter(|(n, (_, of))| *of == g && n % 2 == 0);
                total(&mut of_group.filter_map(|(_, (n, _))| *n))
            })
            .collect();
        let sql = "select g, sum(a) filter (where n % 2 = 0) as s from t group by g order by g";
        require(sql, threads, columns(), &kept)?;

        let running: Vec<Option<i256>> =
            (0..numbers.len()).map(|n| total(&mut numbers[..=n].iter().flatten().copied())).collect();
        let sql = "select n, sum(a) over (order by n) as s from t order by n";
        require(sql, threads, columns(), &running)?;
        let sliding: Vec<Option<i256>> = (0..numbers.len())
            .map(|n| total(&mut numbers[n.saturating_sub(2)..=n].iter().flatten().copied()))
            .collect();
        let sql = "select n, sum(a) over (order by n rows between 2 preceding and current row) as s from t order by n";
        require(sql, threads, columns(), &sliding)?;
    }

    #[test]
    fn averages_of_whole_numbers_do_not_depend_on_threads(
        numbers in Whole::Signed(64).numbers(40),
        groups in prop::collection::vec(0..3_i64, 40),
    ) {
        let columns = || vec![
            ("a", Whole::Signed(64).column(&numbers)),
            ("g", Arc::new(Int64Array::from(groups[..numbers.len()].to_vec())) as ArrayRef),
        ];
        let known: Vec<i128> = numbers.iter().flatten().filter_map(|n| n.to_i128()).collect();
        let mean = (!known.is_empty()).then(|| known.iter().sum::<i128>() as f64 / known.len() as f64);
        for threads in [1, 3] {
            let (_, found) = ask("select avg(a) from t", threads, columns());
            let found = found.unwrap().pop().unwrap().map(|text| text.parse::<f64>().unwrap());
            prop_assert_eq!(found, mean);
        }
        let by_group = "select g, avg(a) from t group by g order by g";
        prop_assert_eq!(ask(by_group, 1, columns()).1.unwrap(), ask(by_group, 3, columns()).1.unwrap());
    }

    #[test]
    fn a_cast_keeps_the_number_or_is_refused(
        (from, numbers) in types().prop_flat_map(|kind| (Just(kind), kind.numbers(7))),
        to in types(),
    ) {
        let (_, found) = ask(
            &format!("select arrow_cast(a, '{}') from t", to.arrow()), 1, vec![("a", from.column(&numbers))],
        );
        let fits = numbers.iter().flatten().all(|n| to.holds(*n));
        let exact: Vec<Option<String>> = numbers.iter().map(|n| n.map(|n| n.to_string())).collect();
        match found {
            Ok(found) => {
                prop_assert!(fits);
                prop_assert_eq!(found, exact);
            }
            Err(_) => prop_assert!(!fits, "{:?} to {:?}: {:?}", from, to, exact),
        }
    }
}

async fn message(sql: &str) -> String {
    let session = session(Tz::UTC, 1);
    let column: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX, 1, 4_000_000_000_000_000_000]));
    let decimals =
        Decimal128Array::from(vec![10_i128.pow(38) - 1, 1, 2]).with_precision_and_scale(38, 0).unwrap();
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.0), Some(1.5), None]));
    table(&session, vec![("points", column), ("big", Arc::new(decimals)), ("x", floats)]);
    one(&session, sql).await.unwrap_err().to_string()
}

#[tokio::test]
async fn what_does_not_fit_is_reported_with_the_expression_and_no_value() {
    for (sql, part) in [
        ("select points + 1 from t", "`t.points + 1` is out of the range of bigint"),
        ("select (points + 1) * 2 from t", "`t.points + 1` is out of"),
        ("select points * (points - 1) from t", "`t.points * (t.points - 1)` is out of"),
        ("select -(-points - 2) from t", "is out of the range of bigint"),
        ("select sum(points) from t", "sum(t.points) is out of the range of bigint"),
        ("select sum(points) as p, count(*) from t group by points > 0", "sum(t.points) is out of"),
        ("select big + big from t", "`t.big + t.big` is out of the range of decimal(38, 0)"),
        ("select big * 10 from t", "is out of the range of decimal"),
        ("select sum(big) from t", "sum(t.big) is out of the range of decimal(38, 0)"),
        ("select points / 0 from t", "`t.points / 0` divides by zero"),
        ("select points % 0 from t", "`t.points % 0` divides by zero"),
        ("select points from t where points * 3 > 0", "`t.points * 3` is out of the range of bigint"),
        ("select 9223372036854775807 + 1", "is out of the range of bigint"),
        ("select case when 1 = 1 then 9223372036854775807 else 0 end * 2", "is out of the range of bigint"),
        ("select sum(points) over (order by points) from t", "is out of the range of bigint"),
        (
            "select points from t order by 1.0 / x desc",
            "rows are ordered by `1 / t.x`, which is infinite or NaN",
        ),
        ("select rank() over (order by 1.0 / x desc) from t", "rows are ordered by"),
        ("select array_agg(points order by 1.0 / x) from t", "rows are ordered by"),
        ("select y from (select points, 1.0 / x as y from t) order by y limit 1", "rows are ordered by"),
        ("select first_value(points order by x / 0.0) from t", "rows are ordered by"),
    ] {
        let message = message(sql).await;
        assert!(message.contains(part) && message.contains("hint: "), "{sql}: {message}");
        // What the query itself says is not a row's.
        assert!(
            !sql.contains("from t") || !message.contains("922337") && !message.contains("99999"),
            "{sql}: {message}"
        );
    }
}

#[tokio::test]
async fn what_fits_is_no_error() {
    let session = session(Tz::UTC, 2);
    let column: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(-5), Some(3), None]));
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.0), Some(2.0), None, Some(4.0)]));
    table(&session, vec![("a", column), ("x", floats)]);
    for (sql, value) in [
        // The sum of the first two would not fit in another order.
        ("select sum(a) from t", "9223372036854775805"),
        (
            "select sum(cast(a as decimal(38, 0))) + sum(cast(a as decimal(38, 0))) from t",
            "18446744073709551610",
        ),
        ("select sum(a) from t where a is null", "null"),
        ("select count(*) from t where x > 0 and 1.0 / x > 0.4", "1"),
        ("select sum(case when a < 100 then a * 100 end) from t", "-200"),
        ("select avg(a) from t where a < 100", "-1.0"),
        ("select sum(x) from t", "6.0"),
        ("select a from t order by 1.0 / nullif(x, 0) desc nulls last, a limit 1", "-5"),
        ("select round(avg(cast(a as decimal(20, 2))), 2) from t where a < 100", "-1.00"),
        ("select sum(interval '1 day')", "1 days"),
        ("select sum(a) filter (where a < 0) from t group by x is null order by 1 limit 1", "-5"),
    ] {
        assert_eq!(one(&session, sql).await.map_err(|e| e.to_string()), Ok(value.to_owned()), "{sql}");
    }
}
