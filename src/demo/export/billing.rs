//! Invoices of web orders and key accounts, and who was paid when.

use std::path::Path;

use super::sheets::finish_sheets;
use crate::demo::calendar::{DAY, day};
use crate::demo::catalogue::Catalogue;
use crate::demo::economy::billing::{Invoice, Ordered};
use crate::demo::output::{Rows, Sheet, money};
use crate::demo::random_streams::scrambled;
use crate::error::Result;

/// The largest prime below 10^11.
const INVOICES: u64 = 99_999_999_977;
const INVOICES_A_DEBTOR: u64 = 1024;

/// Who owes: the account of the web shop, or the record of the key account.
pub(super) enum Debtor<'a> {
    Web { number: u64, account: &'a str },
    KeyAccount { number: u64, record: &'a str },
}

pub struct Billing {
    invoices: Sheet,
}

impl Billing {
    pub fn create(folder: &Path) -> Result<Self> {
        let mut invoices = Sheet::utf8(folder.join("billing/invoices.csv"))?;
        invoices.line(
            "facture;client;compte web;fiche grand compte;commande;code article;quantité;montant TTC;émise le;\
             échéance;payée le",
        )?;
        Ok(Billing { invoices })
    }

    pub(super) fn write(
        &mut self,
        seed: u64,
        debtor: &Debtor,
        invoices: &[Invoice],
        catalogue: &Catalogue,
    ) -> Result<()> {
        for (i, invoice) in invoices.iter().enumerate() {
            let (letter, number, kind, account, record) = match debtor {
                Debtor::Web { number, account } => ("W", number, "web", *account, ""),
                Debtor::KeyAccount { number, record } => ("G", number, "grand compte", "", *record),
            };
            let number = scrambled(seed, 50, number * INVOICES_A_DEBTOR + i as u64, INVOICES);
            let (order, product, pieces) = match &invoice.order {
                Ordered::Web(order) => (order.as_str(), "", String::new()),
                Ordered::Goods(product, pieces) => {
                    ("", catalogue.products[*product].code.as_str(), pieces.to_string())
                }
            };
            let date = |at: i64| day(at * DAY).format("%d/%m/%Y").to_string();
            self.invoices.row(&format!(
                "F{letter}{number:011};{kind};{account};{record};{order};{product};{pieces};{};{};{};{}",
                money(invoice.amount, ','),
                date(invoice.issued),
                date(invoice.due),
                invoice.paid.map(date).unwrap_or_default(),
            ))?;
        }
        Ok(())
    }

    pub fn finish(self, rows: &mut Rows) -> Result<()> {
        finish_sheets("billing", [self.invoices], rows)
    }
}
