//! Where customers came from, and what was paid to win them.

use std::path::Path;

use super::sheets::finish_sheets;
use crate::demo::calendar::{day, first_day_of_month, last_day_of_month};
use crate::demo::economy::acquisition::{Origin, Way, Won};
use crate::demo::output::{Rows, Sheet, money};
use crate::demo::person::Person;
use crate::error::Result;

pub struct Acquisition {
    origins: Sheet,
    costs: Sheet,
    campaigns: Sheet,
    won: Won,
    seed: u64,
}

impl Acquisition {
    pub fn create(folder: &Path, seed: u64) -> Result<Self> {
        let open = |name: &str, header: &str| -> Result<Sheet> {
            let mut sheet = Sheet::utf8(folder.join(format!("acquisition/{name}.csv")))?;
            sheet.line(header)?;
            Ok(sheet)
        };
        Ok(Acquisition {
            origins: open("origins", "carte;compte;canal;campagne;venu le")?,
            costs: open("costs", "arrêté au;canal;coût")?,
            campaigns: open("campaigns", "campagne;canal;envoyée le;contacts;coût fixe")?,
            won: Won::default(),
            seed,
        })
    }

    pub(super) fn write(&mut self, person: &Person, origin: &Origin) -> Result<()> {
        self.won.add(origin);
        let card = person.card.as_deref().unwrap_or("");
        // One of the two is enough for the form: the account only where there is no card.
        let account = person.account.as_deref().filter(|_| card.is_empty()).unwrap_or("");
        self.origins.row(&format!(
            "{card};{account};{};{};{}",
            origin.way.name(),
            origin.campaign().unwrap_or_default(),
            day(origin.at).format("%d/%m/%Y"),
        ))
    }

    /// Writes what was paid: known when everybody has come.
    pub fn finish(mut self, rows: &mut Rows) -> Result<()> {
        for cost in self.won.monthly(self.seed) {
            self.costs.row(&format!(
                "{};{};{}",
                last_day_of_month(cost.month).format("%d/%m/%Y"),
                cost.way.name(),
                money(cost.cost, ','),
            ))?;
        }
        for campaign in self.won.campaigns(self.seed) {
            debug_assert!(matches!(campaign.way, Way::Targeted | Way::Blind));
            self.campaigns.row(&format!(
                "{};{};{};{};{}",
                campaign.id,
                campaign.way.name(),
                first_day_of_month(campaign.quarter * 3).format("%d/%m/%Y"),
                campaign.contacts,
                money(campaign.fixed_cost, ','),
            ))?;
        }
        finish_sheets("acquisition/origins", [self.origins], rows)?;
        finish_sheets("acquisition/costs", [self.costs], rows)?;
        finish_sheets("acquisition/campaigns", [self.campaigns], rows)
    }
}
