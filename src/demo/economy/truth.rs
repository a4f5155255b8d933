//! The truth of money: each person's profit to the cent, cheques that were wasted, and when each channel pays back.
//!
//! What is paid for many is divided when all have been counted. Until then persons wait in a file, so that any number
//! of them needs the memory of one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};

use super::acquisition::{Way, Won};
use super::dealings::Dealings;
use super::profit::{ACCOUNTS, Worth};
use crate::demo::calendar::{MONTHS, days_since_1970, first_day_of_month, month};
use crate::demo::campaign::{LETTERS, posted};
use crate::demo::channel_records::Story;
use crate::demo::output::{Columns, Rows, Table, columns};
use crate::error::{Context, Result};

const LETTER_COUNT: usize = LETTERS.len();
/// Numbers of a waiting person: see `wait`.
const FIELDS: usize = 2 + ACCOUNTS + 1 + 2 + 5;

columns!(Profits {
    person_id: Int64Builder, DataType::Int64, false;
    orders: Int64Builder, DataType::Int64, false;
    acquisition_channel: StringBuilder, DataType::Utf8, true;
    sales: Float64Builder, DataType::Float64, false;
    discounts: Float64Builder, DataType::Float64, false;
    returns: Float64Builder, DataType::Float64, false;
    tax: Float64Builder, DataType::Float64, false;
    product_cost: Float64Builder, DataType::Float64, false;
    delivery: Float64Builder, DataType::Float64, false;
    return_handling: Float64Builder, DataType::Float64, false;
    contact: Float64Builder, DataType::Float64, false;
    reward: Float64Builder, DataType::Float64, false;
    bad_debt: Float64Builder, DataType::Float64, false;
    late_payment: Float64Builder, DataType::Float64, false;
    campaign: Float64Builder, DataType::Float64, false;
    acquisition: Float64Builder, DataType::Float64, false;
    profit: Float64Builder, DataType::Float64, false;
    is_unprofitable: BooleanBuilder, DataType::Boolean, false;
    rewards_wasted: Float64Builder, DataType::Float64, false;
    expected_orders_365d: Float64Builder, DataType::Float64, false;
    expected_margin_365d: Float64Builder, DataType::Float64, false;
    drawn_orders_365d: Int64Builder, DataType::Int64, false;
    drawn_margin_365d: Float64Builder, DataType::Float64, false;
});

columns!(Payback {
    acquisition_channel: StringBuilder, DataType::Utf8, false;
    cohort: Date32Builder, DataType::Date32, false;
    customers: Int64Builder, DataType::Int64, false;
    acquisition_cost: Float64Builder, DataType::Float64, false;
    payback_month: Int64Builder, DataType::Int64, true;
});

/// Customers who came in one month by one way: what they brought month by month, and the letters they were sent.
#[derive(Default)]
struct Cohort {
    customers: i64,
    by_month: [i64; MONTHS],
    letters: [i64; LETTER_COUNT],
}

pub(in crate::demo) struct WorthTruth {
    folder: PathBuf,
    waiting: BufWriter<File>,
    won: Won,
    cohorts: BTreeMap<(usize, Way), Cohort>,
    letters: [i64; LETTER_COUNT],
    seed: u64,
}

impl WorthTruth {
    pub(in crate::demo) fn create(folder: &Path, seed: u64) -> Result<Self> {
        fs::create_dir_all(folder).doing(format!("make the folder {}", folder.display()))?;
        let path = waiting(folder);
        let file = File::create(&path).doing(format!("create {}", path.display()))?;
        Ok(WorthTruth {
            folder: folder.to_owned(),
            waiting: BufWriter::new(file),
            won: Won::default(),
            cohorts: BTreeMap::new(),
            letters: [0; LETTER_COUNT],
            seed,
        })
    }

    pub(in crate::demo) fn write(&mut self, story: &Story, dealings: &Dealings, worth: &Worth) -> Result<()> {
        for which in &story.letters {
            self.letters[*which] += 1;
        }
        let cell = dealings.origin.as_ref().and_then(super::acquisition::Origin::cell);
        if let (Some(origin), Some(cell)) = (&dealings.origin, cell) {
            self.won.add(origin);
            let cohort = self.cohorts.entry(cell).or_default();
            cohort.customers += 1;
            for (sum, amount) in cohort.by_month.iter_mut().zip(worth.books.by_month) {
                *sum += amount;
            }
            for which in &story.letters {
                cohort.letters[*which] += 1;
            }
        }
        self.wait(story, dealings, worth)
    }

    /// Keeps a person as a line of numbers.
    fn wait(&mut self, story: &Story, dealings: &Dealings, worth: &Worth) -> Result<()> {
        let letters = story.letters.iter().fold(0_i64, |set, which| set | (1 << which));
        let origin = dealings.origin.as_ref();
        let future = &worth.future;
        let mut line = vec![story.person.number.to_string(), worth.books.orders.to_string()];
        line.extend(worth.books.by_account.iter().map(ToString::to_string));
        line.push(letters.to_string());
        line.push(origin.map_or(-1, |o| o.way as i64).to_string());
        line.push(origin.filter(|o| o.at >= 0).map_or(-1, |o| month(o.at) as i64).to_string());
        line.push(worth.books.rewards().to_string());
        line.push(future.expected_orders.to_string());
        line.push(future.expected_margin.to_string());
        line.push(future.drawn_orders.to_string());
        line.push(future.drawn_margin.to_string());
        writeln!(self.waiting, "{}", line.join(" ")).doing("write the truth of a person")
    }

    pub(in crate::demo) fn finish(mut self, rows: &mut Rows) -> Result<()> {
        self.waiting.flush().doing("write the truth of persons")?;
        let shares = self.won.shares(self.seed);
        let of_letters: Vec<f64> = (0..LETTER_COUNT)
            .map(|which| LETTERS[which].fixed_cost as f64 / self.letters[which].max(1) as f64)
            .collect();
        let path = waiting(&self.folder);
        let file = File::open(&path).doing(format!("open {}", path.display()))?;
        let mut profits: Table<Profits> = Table::create(self.folder.join("profits.parquet"))?;
        for line in BufReader::new(file).lines() {
            let line = line.doing("read the truth of a person")?;
            let numbers: Vec<f64> =
                line.split(' ').map(|number| number.parse().unwrap_or(f64::NAN)).collect();
            debug_assert_eq!(numbers.len(), FIELDS);
            profits.row(|c| fill(c, &numbers, &of_letters, &shares))?;
        }
        fs::remove_file(&path).doing(format!("remove {}", path.display()))?;
        rows.insert("truth/profits".to_owned(), profits.finish()?);
        let mut payback: Table<Payback> = Table::create(self.folder.join("payback.parquet"))?;
        for ((from, way), cohort) in &self.cohorts {
            let Some(share) = shares.get(&(*from, *way)) else { continue };
            let cost = share * cohort.customers as f64 / 100.0;
            payback.row(|c| {
                c.acquisition_channel.append_value(way.name());
                c.cohort.append_value(days_since_1970(first_day_of_month(*from)));
                c.customers.append_value(cohort.customers);
                c.acquisition_cost.append_value(cost);
                c.payback_month.append_option(payback_month(cohort, *from, cost, &of_letters));
            })?;
        }
        rows.insert("truth/payback".to_owned(), payback.finish()?);
        Ok(())
    }
}

fn waiting(folder: &Path) -> PathBuf {
    folder.join("profits.waiting")
}

/// Returns the month, 0 for the one in which they came, when what a cohort brought has reached what it cost.
fn payback_month(cohort: &Cohort, from: usize, cost: f64, of_letters: &[f64]) -> Option<i64> {
    let mut brought = 0.0;
    for now in from..MONTHS {
        brought += cohort.by_month[now] as f64 / 1000.0;
        for which in (0..LETTER_COUNT).filter(|which| month(posted(&LETTERS[*which])) == now) {
            brought -= of_letters[which] * cohort.letters[which] as f64 / 100.0;
        }
        // A cent is never a matter of how floats were added.
        if brought + 1e-6 >= cost {
            return Some((now - from) as i64);
        }
    }
    None
}

/// Fills the row of a person from the numbers that `wait` wrote.
fn fill(c: &mut Profits, numbers: &[f64], of_letters: &[f64], shares: &BTreeMap<(usize, Way), f64>) {
    let (person, rest) = numbers.split_at(2);
    let (accounts, rest) = rest.split_at(ACCOUNTS);
    let [letters, way, came, rewards, expected_orders, expected_margin, drawn_orders, drawn_margin] = rest
    else {
        return;
    };
    let way = usize::try_from(*way as i64).ok().map(|way| Way::ALL[way]);
    let set = *letters as i64;
    let campaign: f64 =
        (0..LETTER_COUNT).filter(|which| (set >> which) & 1 == 1).map(|which| of_letters[which]).sum();
    let cell = way.and_then(|way| Some((usize::try_from(*came as i64).ok()?, way)));
    let acquisition = cell.and_then(|cell| shares.get(&cell)).copied().unwrap_or(0.0);
    let profit = accounts.iter().sum::<f64>() / 1000.0 - campaign / 100.0 - acquisition / 100.0;
    c.person_id.append_value(person[0] as i64);
    c.orders.append_value(person[1] as i64);
    c.acquisition_channel.append_option(way.map(Way::name));
    let builders: [&mut Float64Builder; ACCOUNTS] = [
        &mut c.sales,
        &mut c.discounts,
        &mut c.returns,
        &mut c.tax,
        &mut c.product_cost,
        &mut c.delivery,
        &mut c.return_handling,
        &mut c.contact,
        &mut c.reward,
        &mut c.bad_debt,
        &mut c.late_payment,
    ];
    for (builder, amount) in builders.into_iter().zip(accounts) {
        builder.append_value(amount / 1000.0);
    }
    c.campaign.append_value(-campaign / 100.0);
    c.acquisition.append_value(-acquisition / 100.0);
    c.profit.append_value(profit);
    c.is_unprofitable.append_value(person[1] > 0.0 && profit < 0.0);
    let given = rewards / 1000.0;
    c.rewards_wasted.append_value(if profit + given <= 0.0 { given } else { 0.0 });
    c.expected_orders_365d.append_value(*expected_orders);
    c.expected_margin_365d.append_value(expected_margin / 100.0);
    c.drawn_orders_365d.append_value(*drawn_orders as i64);
    c.drawn_margin_365d.append_value(drawn_margin / 100.0);
}
