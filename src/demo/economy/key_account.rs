//! What key accounts order, how they pay, and how often somebody goes to see them. Money in cents.

use rand::Rng;

use super::billing::{Invoice, Ordered, Payer};
use crate::demo::calendar::{DAY, MONTHS, Moment};
use crate::demo::catalogue::Catalogue;
use crate::demo::organisation::{AccountRecord, Organisation};
use crate::demo::random_streams::{Purpose, count, happens, stream};

/// Beyond every number of a person: an account's stream is nobody else's.
const ACCOUNTS: u64 = 1 << 40;
/// Accounts that want to be seen often.
const DEMANDING: f64 = 0.2;

/// The two years of a key account.
pub(in crate::demo) struct KeyAccount {
    pub invoices: Vec<Invoice>,
    pub visits: Vec<Moment>,
}

impl KeyAccount {
    pub(in crate::demo) fn draw(seed: u64, organisation: &Organisation, catalogue: &Catalogue) -> Self {
        let mut rng = stream(seed, Purpose::Billing, ACCOUNTS + organisation.number);
        let (payer, orders) = (Payer::draw(&mut rng), rng.gen_range(0.2..1.6));
        let visits = if happens(&mut rng, DEMANDING) { 4.0 } else { 0.7 };
        let mut account = KeyAccount { invoices: Vec::new(), visits: Vec::new() };
        for month in 0..MONTHS as i64 {
            for _ in 0..count(&mut rng, orders) {
                let at = (month * 30 + rng.gen_range(0..30)) * DAY + 10 * 3600;
                let (product, pieces) = (rng.gen_range(0..catalogue.products.len()), rng.gen_range(10..60));
                // All get fifteen per cent off.
                let amount = pieces * catalogue.products[product].price * 85 / 100;
                account.invoices.push(Invoice::draw(
                    &mut rng,
                    payer,
                    at,
                    amount,
                    Ordered::Goods(product, pieces),
                ));
            }
            for _ in 0..count(&mut rng, visits) {
                account.visits.push((month * 30 + rng.gen_range(0..30)) * DAY + 9 * 3600);
            }
        }
        account
    }
}

/// Returns the record under which an account is billed: that of the billing system, else the first.
pub(in crate::demo) fn billed_record(organisation: &Organisation) -> Option<&AccountRecord> {
    let records = &organisation.records;
    records.iter().find(|record| record.system == "facturation").or(records.first())
}
