//! Cheques and presents of the loyalty scheme, and who recommended the shop to whom.

use std::path::Path;

use super::sheets::finish_sheets;
use crate::demo::calendar::day;
use crate::demo::economy::acquisition::Origin;
use crate::demo::economy::rewards::Reward;
use crate::demo::output::{Rows, Sheet, money};
use crate::demo::person::Person;
use crate::demo::random_streams::scrambled;
use crate::error::Result;

/// The largest prime below 10^11.
const REWARDS: u64 = 99_999_999_977;
const REWARDS_A_PERSON: u64 = 1024;

pub struct Rewards {
    rewards: Sheet,
    referrals: Sheet,
}

impl Rewards {
    pub fn create(folder: &Path) -> Result<Self> {
        let mut rewards = Sheet::utf8(folder.join("loyalty/rewards.csv"))?;
        rewards.line("avantage;programme;remis le;carte;compte;montant")?;
        let mut referrals = Sheet::utf8(folder.join("loyalty/referrals.csv"))?;
        referrals
            .line("carte parrain;compte parrain;e-mail parrain;carte filleul;compte filleul;recommandé le")?;
        Ok(Rewards { rewards, referrals })
    }

    pub(super) fn write(&mut self, seed: u64, person: &Person, rewards: &[Reward]) -> Result<()> {
        for (i, reward) in rewards.iter().enumerate() {
            let number = scrambled(seed, 51, person.number * REWARDS_A_PERSON + i as u64, REWARDS);
            let (card, account) = named(person);
            self.rewards.row(&format!(
                "AV{number:011};{};{};{card};{account};{}",
                reward.programme,
                day(reward.at).format("%d/%m/%Y"),
                money(reward.amount, ','),
            ))?;
        }
        Ok(())
    }

    /// Writes who sent this person; some friends are only known by an address.
    pub(super) fn write_referral(&mut self, seed: u64, person: &Person, origin: &Origin) -> Result<()> {
        let Some(friend) = origin.friend.map(|number| Person::draw(seed, number)) else { return Ok(()) };
        let (card, account) = named(&friend);
        let by_mail = friend
            .email
            .as_deref()
            .filter(|_| friend.united_by_exact_keys() && person.number.is_multiple_of(3));
        let (card, account, mail) = by_mail.map_or((card, account, ""), |mail| ("", "", mail));
        let (own_card, own_account) = named(person);
        let date = day(origin.at).format("%d/%m/%Y");
        self.referrals.row(&format!("{card};{account};{mail};{own_card};{own_account};{date}"))
    }

    pub fn finish(self, rows: &mut Rows) -> Result<()> {
        finish_sheets("loyalty/rewards", [self.rewards], rows)?;
        finish_sheets("loyalty/referrals", [self.referrals], rows)
    }
}

/// Returns the first card of a customer, or the account of who has none.
fn named(person: &Person) -> (&str, &str) {
    match (&person.card, &person.account) {
        (Some(card), _) => (card, ""),
        (None, account) => ("", account.as_deref().unwrap_or("")),
    }
}
