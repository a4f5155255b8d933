//! The channels' exports, each as its channel would give it.
//!
//! Nothing of the truth is in them: keys are drawn apart, record numbers scrambled.

mod acquisition;
mod billing;
mod broken_rows;
mod calls;
mod email;
mod key_accounts;
mod loyalty;
mod pos;
mod postal;
mod reference;
mod rewards;
mod sheets;
mod web;

use std::path::Path;

use super::catalogue::Catalogue;
use super::channel_records::Story;
use super::economy::dealings::Dealings;
use super::economy::key_account::{KeyAccount, billed_record};
use super::organisation::Organisation;
use super::output::Rows;
use crate::error::Result;
use billing::Debtor;

/// All the files of the exports, open at once: about a hundred, whatever the number of persons.
pub struct Exports {
    pos: pos::Tills,
    web: web::Web,
    email: email::Mailer,
    calls: calls::CallCentre,
    loyalty: loyalty::Loyalty,
    postal: postal::Post,
    key_accounts: key_accounts::KeyAccounts,
    billing: billing::Billing,
    acquisition: acquisition::Acquisition,
    rewards: rewards::Rewards,
    seed: u64,
    rows: Rows,
}

impl Exports {
    pub fn create(folder: &Path, seed: u64, catalogue: &Catalogue) -> Result<Self> {
        let rows = reference::write(folder, catalogue)?;
        Ok(Exports {
            pos: pos::Tills::create(folder)?,
            web: web::Web::create(folder)?,
            email: email::Mailer::create(folder)?,
            calls: calls::CallCentre::create(folder)?,
            loyalty: loyalty::Loyalty::create(folder)?,
            postal: postal::Post::create(folder)?,
            key_accounts: key_accounts::KeyAccounts::create(folder)?,
            billing: billing::Billing::create(folder)?,
            acquisition: acquisition::Acquisition::create(folder, seed)?,
            rewards: rewards::Rewards::create(folder)?,
            seed,
            rows,
        })
    }

    /// Writes what every channel keeps of one person, and completes the story's keys.
    pub fn write(&mut self, story: &mut Story, catalogue: &Catalogue) -> Result<()> {
        self.pos.write(story, catalogue)?;
        self.web.write(story, catalogue)?;
        self.email.write(story)?;
        self.calls.write(story)?;
        self.loyalty.write(story)?;
        self.postal.write(story)
    }

    /// Writes what passed between a person and the company beside orders.
    pub(super) fn write_dealings(
        &mut self,
        story: &mut Story,
        dealings: &Dealings,
        catalogue: &Catalogue,
    ) -> Result<()> {
        self.web.write_returns(story, &dealings.returns, catalogue)?;
        self.calls.write_others(story, &dealings.calls)?;
        let person = story.person;
        if let Some(account) = person.account.as_deref() {
            let debtor = Debtor::Web { number: person.number, account };
            self.billing.write(self.seed, &debtor, &dealings.invoices, catalogue)?;
        }
        self.rewards.write(self.seed, person, &dealings.rewards)?;
        if let Some(origin) = &dealings.origin {
            self.rewards.write_referral(self.seed, person, origin)?;
            self.acquisition.write(person, origin)?;
        }
        Ok(())
    }

    /// Writes sales to people who are nobody's customer.
    pub(super) fn write_walk_ins(&mut self, seed: u64, number: u64, catalogue: &Catalogue) -> Result<()> {
        self.pos.write_walk_ins(seed, number, catalogue)
    }

    /// Writes what the systems keep of a key account.
    pub(super) fn write_organisation(
        &mut self,
        organisation: &Organisation,
        catalogue: &Catalogue,
    ) -> Result<()> {
        self.key_accounts.write(organisation)?;
        let account = KeyAccount::draw(self.seed, organisation, catalogue);
        let Some(record) = billed_record(organisation) else { return Ok(()) };
        self.key_accounts.write_visits(self.seed, organisation, record, &account.visits)?;
        let debtor = Debtor::KeyAccount { number: organisation.number, record: &record.number };
        self.billing.write(self.seed, &debtor, &account.invoices, catalogue)
    }

    /// Writes the person's records as somebody's contact, and completes the story's keys.
    pub(super) fn write_contacts(&mut self, seed: u64, story: &mut Story) -> Result<()> {
        self.key_accounts.write_contacts(seed, story)
    }

    pub fn finish(self) -> Result<Rows> {
        let mut rows = self.rows;
        self.pos.finish(&mut rows)?;
        self.web.finish(&mut rows)?;
        self.email.finish(&mut rows)?;
        self.calls.finish(&mut rows)?;
        self.loyalty.finish(&mut rows)?;
        self.postal.finish(&mut rows)?;
        self.key_accounts.finish(&mut rows)?;
        self.billing.finish(&mut rows)?;
        self.acquisition.finish(&mut rows)?;
        self.rewards.finish(&mut rows)?;
        Ok(rows)
    }
}
