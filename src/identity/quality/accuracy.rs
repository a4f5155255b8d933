//! `mart.match_accuracy`: compares the linkage with a table of known persons.
//!
//! Four measures, each only over records with a known person:
//!
//! - `links`: pairs of person records whose weight reaches a threshold, whatever was decided; what they
//!   miss are pairs that no blocking rule found or that agree too little;
//! - `pairs`: pairs of records of one customer, after keys, links and refusals;
//! - `customers`: whole customers. A customer is right if it has all records of a person and no other;
//! - `band`: pairs whose probability lies between this one and the next: it means what it says where the share
//!   of them that are of one person (`precision`) is about `expected`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};

use super::small_result::rows;
use super::thresholds::{Threshold, Thresholds};
use crate::error::{Context, Error, Result};
use crate::identity::declaration::Persons;
use crate::identity::linkage::weight::bits_of;
use crate::identity::tables::{CUSTOMER_IDS, MATCH_LINKS, PERSON_RECORDS, table};
use crate::name::TableName;
use crate::warehouse::catalog::Session;

const COLUMNS: [&str; 3] = ["source", "record_id", "person"];
/// Links above so many bits are all but certain.
const MOST_BITS: i32 = 60;

/// How often the linkage was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    /// In the truth.
    real: u64,
    found: u64,
    /// Found, and in the truth.
    right: u64,
}

impl Counts {
    fn precision(self) -> Option<f64> {
        share(self.right, self.found)
    }

    fn recall(self) -> Option<f64> {
        share(self.right, self.real)
    }

    /// Twice the right ones among all there are on both sides: the harmonic mean of the two.
    fn f1(self) -> Option<f64> {
        share(2 * self.right, self.found + self.real)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Where bands of probability begin, from that on which pairs are kept.
const BANDS: [f64; 9] = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999];

/// Pairs whose probability lies in a band.
struct Band {
    from: f64,
    pairs: u64,
    right: u64,
    /// The mean of their probabilities.
    expected: f64,
}

/// What was measured.
pub struct Accuracy {
    links: Vec<(Threshold, Counts)>,
    bands: Vec<Band>,
    pairs: Counts,
    customers: Counts,
    /// Records that the truth knows, and those of them that were resolved.
    known: u64,
    resolved: u64,
}

/// # Errors
/// The truth lacks a column, or knows several persons of one record.
pub async fn measure(session: &Session, truth: &TableName, persons: Option<&Persons>) -> Result<Accuracy> {
    let known = known_sql(session, truth).await?;
    let several = numbers(
        session,
        &format!(
            "select count(*) from (select 1 from ({known}) group by source, record_id having count(*) > 1)"
        ),
        "check the truth for contradictions",
    )
    .await?[0];
    if several > 0 {
        return Err(Error::failed(format!("{truth} has {several} records with more than one person"))
            .hint("the truth must have one row per record: choose one person for each"));
    }
    let (links, bands) = match persons {
        Some(persons) => (links(session, &known, persons).await?, bands(session, &known, persons).await?),
        None => Default::default(),
    };
    let found = numbers(
        session,
        &format!(
            "with known as ({known}),
             here as (select k.person, i.customer_id from known as k
                      join {ids} as i on i.source = k.source and i.record_id = k.record_id),
             together as (select person, customer_id, count(*) as n from here group by person, customer_id),
             persons as (select person, count(*) as n from here group by person),
             customers as (select customer_id, count(*) as n from here group by customer_id)
             select (select coalesce(sum(n * (n - 1) / 2), 0) from persons) as real_pairs,
                    (select coalesce(sum(n * (n - 1) / 2), 0) from customers) as found_pairs,
                    (select coalesce(sum(n * (n - 1) / 2), 0) from together) as right_pairs,
                    (select count(*) from persons) as real_persons,
                    (select count(*) from customers) as found_customers,
                    (select count(*) from together
                     join persons on together.person = persons.person and together.n = persons.n
                     join customers on together.customer_id = customers.customer_id and together.n = customers.n
                    ) as right_customers,
                    (select count(*) from known) as known_records,
                    (select count(*) from here) as resolved_records",
            ids = table(CUSTOMER_IDS),
        ),
        "compare the customers with the truth",
    )
    .await?;
    Ok(Accuracy {
        links,
        bands,
        pairs: Counts { real: found[0], found: found[1], right: found[2] },
        customers: Counts { real: found[3], found: found[4], right: found[5] },
        known: found[6],
        resolved: found[7],
    })
}

/// Returns the records that the truth knows, as SQL; rows without a person are ignored.
async fn known_sql(session: &Session, truth: &TableName) -> Result<String> {
    let frame = session.table(truth).await?;
    let missing: Vec<&str> = COLUMNS
        .into_iter()
        .filter(|column| !frame.schema().has_column_with_unqualified_name(column))
        .collect();
    if !missing.is_empty() {
        return Err(Error::config(format!("{truth} has no column {}", missing.join(", ")))
            .hint("a truth has source and record_id like the tables of [identity], and person")
            .at("[match_quality] truth"));
    }
    let columns = COLUMNS.map(|column| format!("cast({column} as varchar) as {column}")).join(", ");
    let given = COLUMNS.map(|column| format!("{column} is not null")).join(" and ");
    Ok(format!("select distinct {columns} from {truth} where {given}"))
}

async fn links(session: &Session, known: &str, persons: &Persons) -> Result<Vec<(Threshold, Counts)>> {
    let thresholds = Thresholds::from_review(MOST_BITS, persons);
    let real = numbers(
        session,
        &format!(
            "select coalesce(sum(n * (n - 1) / 2), 0) from
               (select count(*) as n from ({known}) as k
                join {records} as p on p.source = k.source and p.record_id = k.record_id group by k.person)",
            records = table(PERSON_RECORDS),
        ),
        "count the pairs of the truth",
    )
    .await?[0];
    let sql = format!(
        "with known as ({known})
         select reached, count(*), count(*) filter (where person_l = person_r) from
           (select {reached} as reached, l.person as person_l, r.person as person_r
            from {links} as m
            join known as l on l.source = m.source_l and l.record_id = m.record_id_l
            join known as r on r.source = m.source_r and r.record_id = m.record_id_r)
         where reached >= 0 group by reached",
        reached = thresholds.reached_sql("m.match_weight"),
        links = table(MATCH_LINKS),
    );
    let (mut found, mut right) = (vec![0; thresholds.0.len()], vec![0; thresholds.0.len()]);
    for batch in rows(session, &sql, "compare the links with the truth").await? {
        let column = |n: usize| batch.column(n).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let threshold = column(0).value(row) as usize;
            found[threshold] += column(1).value(row).unsigned_abs();
            right[threshold] += column(2).value(row).unsigned_abs();
        }
    }
    let counts = Thresholds::at_least(&found).into_iter().zip(Thresholds::at_least(&right));
    Ok(thresholds
        .0
        .into_iter()
        .zip(counts)
        // Above the last link there is nothing to be right about.
        .filter(|(threshold, (found, _))| *found > 0 || threshold.action.is_some())
        .map(|(threshold, (found, right))| (threshold, Counts { real, found, right }))
        .collect())
}

/// Returns the bands that hold pairs, in ascending order.
async fn bands(session: &Session, known: &str, persons: &Persons) -> Result<Vec<Band>> {
    let mut from = vec![persons.review_probability];
    from.extend(BANDS.into_iter().filter(|band| *band > persons.review_probability));
    let whens: String = (from.iter().enumerate().rev())
        .map(|(n, band)| format!(" when m.match_probability >= {band:e} then {n}"))
        .collect();
    // Summed as decimals: the same whatever the threads.
    let sql = format!(
        "with known as ({known})
         select band, count(*), count(*) filter (where person_l = person_r),
                cast(sum(cast(probability as decimal(38, 12))) as double) / count(*)
         from (select cast(case{whens} else 0 end as bigint) as band, m.match_probability as probability,
                      l.person as person_l, r.person as person_r
               from {links} as m
               join known as l on l.source = m.source_l and l.record_id = m.record_id_l
               join known as r on r.source = m.source_r and r.record_id = m.record_id_r)
         group by band order by band",
        links = table(MATCH_LINKS),
    );
    let mut bands = Vec::new();
    for batch in rows(session, &sql, "compare the probabilities with the truth").await? {
        let column = |n: usize| batch.column(n).as_primitive::<Int64Type>();
        let expected = batch.column(3).as_primitive::<Float64Type>();
        bands.extend((0..batch.num_rows()).map(|row| Band {
            from: from[column(0).value(row) as usize],
            pairs: column(1).value(row).unsigned_abs(),
            right: column(2).value(row).unsigned_abs(),
            expected: expected.value(row),
        }));
    }
    Ok(bands)
}

/// Returns the one row of a query that counts.
async fn numbers(session: &Session, sql: &str, doing: &str) -> Result<Vec<u64>> {
    let batches = rows(session, sql, doing).await?;
    let row = batches.iter().find(|batch| batch.num_rows() > 0);
    let row = row.ok_or_else(|| Error::failed(format!("could not {doing}: nothing was counted")))?;
    Ok(row
        .columns()
        .iter()
        .map(|column| column.as_primitive::<Int64Type>().value(0).unsigned_abs())
        .collect())
}

impl Accuracy {
    /// Columns: `position`, `measure`, and of links the threshold they reach: `match_weight` (bits),
    /// `match_probability`, `threshold` (`link` or `review` where it is the declared one); of bands where they
    /// begin, and the mean of the probabilities (`expected`). Then `true_positives`, `false_positives`,
    /// `false_negatives`; `precision`, `recall` and `f1`, null where they are of nothing.
    pub fn table(&self) -> Result<RecordBatch> {
        let of_links = self.links.iter().map(|(threshold, counts)| ("links", Some(threshold), *counts));
        let others = [("pairs", None, self.pairs), ("customers", None, self.customers)];
        let rows: Vec<(&str, Option<&Threshold>, Counts)> = of_links.chain(others).collect();
        let bands = &self.bands;
        let float = |of: fn(&Threshold) -> f64, from: fn(&Band) -> f64| -> ArrayRef {
            let of_rows = rows.iter().map(|(_, threshold, _)| threshold.map(of));
            Arc::new(Float64Array::from_iter(of_rows.chain(bands.iter().map(|band| Some(from(band))))))
        };
        let count = |of: fn(Counts) -> u64, of_band: fn(&Band) -> Option<u64>| -> ArrayRef {
            let of_rows = rows.iter().map(|(_, _, counts)| Some(of(*counts) as i64));
            let of_bands = bands.iter().map(|band| of_band(band).map(|count| count as i64));
            Arc::new(Int64Array::from_iter(of_rows.chain(of_bands)))
        };
        let rate = |of: fn(Counts) -> Option<f64>, of_band: fn(&Band) -> Option<f64>| -> ArrayRef {
            let of_rows = rows.iter().map(|(_, _, counts)| of(*counts));
            Arc::new(Float64Array::from_iter(of_rows.chain(bands.iter().map(of_band))))
        };
        let columns: [(&str, ArrayRef); 12] = [
            ("position", Arc::new(Int64Array::from_iter_values(0..(rows.len() + bands.len()) as i64))),
            (
                "measure",
                Arc::new(StringArray::from_iter_values(
                    rows.iter().map(|(measure, _, _)| *measure).chain(bands.iter().map(|_| "band")),
                )),
            ),
            ("match_weight", float(|threshold| threshold.bits, |band| bits_of(band.from))),
            ("match_probability", float(Threshold::probability, |band| band.from)),
            (
                "threshold",
                Arc::new(StringArray::from_iter(
                    rows.iter()
                        .map(|(_, threshold, _)| threshold.and_then(|r| r.action))
                        .chain(bands.iter().map(|_| None)),
                )),
            ),
            ("true_positives", count(|c| c.right, |band| Some(band.right))),
            ("false_positives", count(|c| c.found - c.right, |band| Some(band.pairs - band.right))),
            ("false_negatives", count(|c| c.real - c.right, |_| None)),
            ("precision", rate(Counts::precision, |band| share(band.right, band.pairs))),
            ("recall", rate(Counts::recall, |_| None)),
            ("f1", rate(Counts::f1, |_| None)),
            ("expected", rate(|_| None, |band| Some(band.expected))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
            .doing("write how accurate the linkage is")
    }

    /// Returns one line on how good it is.
    pub fn summary(&self) -> Option<String> {
        let (precision, recall) = (self.pairs.precision()?, self.pairs.recall()?);
        let f1 = self.pairs.f1()?;
        Some(format!(
            "against the truth about {} records: precision {precision:.4}, recall {recall:.4}, F1 {f1:.4} of pairs",
            self.resolved
        ))
    }

    /// Returns a truth about other records measures less than its author thinks.
    pub fn warned(&self, truth: &TableName) -> Option<String> {
        (self.resolved < self.known).then(|| {
            format!(
                "{} of the {} records of {truth} are not in {}: they are not counted",
                self.known - self.resolved,
                self.known,
                table(CUSTOMER_IDS)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_nothing_are_no_rates() {
        let none = Counts::default();
        assert_eq!((none.precision(), none.recall(), none.f1()), (None, None, None));
        let missed = Counts { real: 3, found: 0, right: 0 };
        assert_eq!((missed.precision(), missed.recall(), missed.f1()), (None, Some(0.0), Some(0.0)));
    }

    #[test]
    fn f1_is_the_harmonic_mean() {
        let counts = Counts { real: 8, found: 5, right: 4 };
        let (precision, recall) = (counts.precision().unwrap(), counts.recall().unwrap());
        assert_eq!((precision, recall), (0.8, 0.5));
        let mean = 2.0 * precision * recall / (precision + recall);
        assert!((counts.f1().unwrap() - mean).abs() < 1e-15);
    }
}
