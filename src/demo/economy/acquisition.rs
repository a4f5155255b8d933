//! By which channel customers came, and what winning them cost. Money in cents.

use std::collections::BTreeMap;

use rand::Rng;

use crate::demo::calendar::{MONTHS, Moment, month};
use crate::demo::person::Person;
use crate::demo::random_streams::{Purpose, happens, stream, weighted};

/// Beyond every number of a person: the prices of a month are nobody's.
const PRICES: u64 = 1 << 40;
/// Persons before somebody among whom a friend may be who recommended the shop.
const FRIENDS: u64 = 60;

/// How somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::demo) enum Way {
    Shop,
    Search,
    Social,
    Comparison,
    /// A letter to chosen households.
    Targeted,
    /// A leaflet in every letter box.
    Blind,
    Friend,
}

impl Way {
    pub(in crate::demo) const ALL: [Way; 7] =
        [Way::Shop, Way::Search, Way::Social, Way::Comparison, Way::Targeted, Way::Blind, Way::Friend];

    pub(in crate::demo) fn name(self) -> &'static str {
        match self {
            Way::Shop => "magasin",
            Way::Search => "recherche payante",
            Way::Social => "réseaux sociaux",
            Way::Comparison => "comparateur",
            Way::Targeted => "courrier ciblé",
            Way::Blind => "prospectus",
            Way::Friend => "parrainage",
        }
    }

    /// Returns what one customer costs who is won this way, where it is paid by the month.
    fn price(self) -> Option<i64> {
        match self {
            Way::Shop | Way::Targeted | Way::Blind => None,
            Way::Search => Some(2_200),
            Way::Social => Some(3_400),
            Way::Comparison => Some(4_800),
            Way::Friend => Some(600),
        }
    }

    /// Returns how many are written to for each who comes, and what each costs; for campaigns.
    fn campaign(self) -> Option<(i64, i64)> {
        match self {
            Way::Targeted => Some((26, 95)),
            Way::Blind => Some((760, 6)),
            _ => None,
        }
    }
}

/// Where a customer came from, as the shop noted it.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Origin {
    pub way: Way,
    pub at: Moment,
    /// The number of the person who recommended the shop.
    pub friend: Option<u64>,
}

impl Origin {
    /// Returns where a customer came from; None for who never bought.
    pub(super) fn draw(seed: u64, person: &Person) -> Option<Self> {
        person.archetype?;
        let mut rng = stream(seed, Purpose::Acquisition, person.number);
        let in_shop = if person.card.is_some() { 0.42 } else { 0.0 };
        let weights = [in_shop, 0.2, 0.12, 0.1, 0.08, 0.08, 0.1];
        let way = Way::ALL[weighted(&mut rng, &weights)];
        let at = person.known_since;
        let new = at >= 0;
        let friend = (way == Way::Friend && new).then(|| friend(seed, person, rng.gen_range(1..FRIENDS)));
        let friend = friend.flatten();
        // Without a friend who had come before, they came by themselves.
        let way = if way == Way::Friend && friend.is_none() { Way::Search } else { way };
        Some(Origin { way, at, friend })
    }

    /// Returns the month and way under which winning them is paid; nobody knows what was paid before the history.
    pub(super) fn cell(&self) -> Option<(usize, Way)> {
        (self.at >= 0).then(|| (month(self.at), self.way))
    }

    /// Returns the campaign by which they came.
    pub(in crate::demo) fn campaign(&self) -> Option<String> {
        let (month, way) = self.cell()?;
        way.campaign().map(|_| campaign_id(month / 3, way))
    }
}

/// Returns a customer not far before a person who was known when that person came.
fn friend(seed: u64, person: &Person, back: u64) -> Option<u64> {
    let known = |number: &u64| {
        let friend = Person::draw(seed, *number);
        friend.archetype.is_some() && friend.known_since < person.known_since
    };
    (1..=6).filter_map(|n| person.number.checked_sub(back + n * 7)).find(known)
}

fn campaign_id(quarter: usize, way: Way) -> String {
    let letter = if way == Way::Targeted { 'C' } else { 'P' };
    format!("AC{}T{}-{letter}", 2024 + (quarter + 2) / 4, (quarter + 2) % 4 + 1)
}

/// What was paid for customers of a month.
#[derive(Debug)]
pub(in crate::demo) struct MonthlyCost {
    pub month: usize,
    pub way: Way,
    pub cost: i64,
}

/// What a campaign of a quarter cost as a whole.
#[derive(Debug)]
pub(in crate::demo) struct Prospecting {
    pub id: String,
    /// From 0, of the history.
    pub quarter: usize,
    pub way: Way,
    pub contacts: i64,
    pub fixed_cost: i64,
}

/// How many came in which month by which way: all that the prices need.
#[derive(Debug, Default)]
pub(in crate::demo) struct Won(BTreeMap<(usize, Way), i64>);

impl Won {
    pub(in crate::demo) fn add(&mut self, origin: &Origin) {
        if let Some(cell) = origin.cell() {
            *self.0.entry(cell).or_default() += 1;
        }
    }

    /// Returns what was paid by the month, in order of month and way.
    pub(in crate::demo) fn monthly(&self, seed: u64) -> Vec<MonthlyCost> {
        let paid = self.0.iter().filter_map(|(&(month, way), won)| {
            let price = way.price()?;
            let number = PRICES + (month * Way::ALL.len() + way as usize) as u64;
            let percent = stream(seed, Purpose::Acquisition, number).gen_range(85..116);
            // A fee that divides by no number of customers.
            Some(MonthlyCost { month, way, cost: won * price * percent / 100 + won / 3 + 17 })
        });
        paid.collect()
    }

    /// Returns the campaigns, in order of quarter and way.
    pub(in crate::demo) fn campaigns(&self, seed: u64) -> Vec<Prospecting> {
        let mut all = Vec::new();
        for quarter in 0..MONTHS / 3 {
            for way in [Way::Targeted, Way::Blind] {
                let won: i64 = (0..3).filter_map(|m| self.0.get(&(quarter * 3 + m, way))).sum();
                let Some((contacts, unit)) = way.campaign().filter(|_| won > 0) else { continue };
                let number = PRICES + 10_000 + (quarter * 2 + usize::from(way == Way::Blind)) as u64;
                let mut rng = stream(seed, Purpose::Acquisition, number);
                let contacts = won * contacts + i64::from(happens(&mut rng, 0.5));
                let id = campaign_id(quarter, way);
                all.push(Prospecting { id, quarter, way, contacts, fixed_cost: contacts * unit + 17 });
            }
        }
        all
    }

    /// Returns what winning one customer cost, in cents, by month and way.
    pub(super) fn shares(&self, seed: u64) -> BTreeMap<(usize, Way), f64> {
        let won = |month: usize, way: Way| self.0.get(&(month, way)).copied().unwrap_or(0);
        let mut shares = BTreeMap::new();
        for MonthlyCost { month, way, cost } in self.monthly(seed) {
            shares.insert((month, way), cost as f64 / won(month, way) as f64);
        }
        for campaign in self.campaigns(seed) {
            let months = campaign.quarter * 3..campaign.quarter * 3 + 3;
            let came: i64 = months.clone().map(|month| won(month, campaign.way)).sum();
            for month in months.filter(|month| won(*month, campaign.way) > 0) {
                shares.insert((month, campaign.way), campaign.fixed_cost as f64 / came as f64);
            }
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_customers_cost_to_win_adds_up_to_what_was_paid() {
        let mut won = Won::default();
        for origin in (0..900).filter_map(|n| Origin::draw(7, &Person::draw(7, n))) {
            won.add(&origin);
        }
        let paid: i64 = won.monthly(7).iter().map(|c| c.cost).sum::<i64>()
            + won.campaigns(7).iter().map(|c| c.fixed_cost).sum::<i64>();
        let shares: f64 = won.shares(7).iter().map(|(cell, share)| share * won.0[cell] as f64).sum();
        assert!((paid as f64 - shares).abs() < 1e-6, "{paid} against {shares}");
        assert_eq!(campaign_id(0, Way::Targeted), "AC2024T3-C");
        assert_eq!(campaign_id(2, Way::Blind), "AC2025T1-P");
    }

    #[test]
    fn who_recommended_the_shop_was_known_before() {
        let friends = (0..3000).filter_map(|n| {
            let person = Person::draw(7, n);
            let friend = Origin::draw(7, &person)?.friend?;
            Some((Person::draw(7, friend), person))
        });
        let known: Vec<bool> =
            friends.map(|(friend, person)| friend.known_since < person.known_since).collect();
        assert!(known.len() > 30 && known.iter().all(|k| *k), "{}", known.len());
    }
}
