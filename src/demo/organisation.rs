//! A key account: a company with its registered number, and its records in two systems that never agree.

use rand::Rng;

use super::calendar::{DAY, END, Moment};
use super::names::{STREET_KINDS, STREETS, SURNAMES, TOWNS, without_accents};
use super::person::{Address, luhn, mistype, mistype_digit};
use super::random_streams::{Purpose, Stream, happens, pick, scrambled, stream};

/// One key account for so many persons, its contacts among them.
const PERSONS: u64 = 100;
const TRADES: [&str; 14] = [
    "Boulangerie",
    "Menuiserie",
    "Transports",
    "Garage",
    "Imprimerie",
    "Hôtel",
    "Clinique",
    "Pépinières",
    "Ateliers",
    "Pharmacie",
    "Maçonnerie",
    "Librairie",
    "Électricité",
    "Traiteur",
];
const AFTER: [&str; 5] = ["", "", "", " et Fils", " Frères"];
/// A legal form as it is written by different hands.
const FORMS: [[&str; 3]; 4] = [
    ["SARL", "S.A.R.L.", "Sarl"],
    ["SAS", "S.A.S.", "Sas"],
    ["SA", "S.A.", "Société Anonyme"],
    ["EURL", "E.U.R.L.", "Eurl"],
];

pub struct Organisation {
    pub number: u64,
    pub records: Vec<AccountRecord>,
}

/// What one system keeps of it.
pub struct AccountRecord {
    pub number: String,
    pub system: &'static str,
    pub name: String,
    /// SIREN or SIRET; empty where nobody asked.
    pub legal_number: String,
    pub address: Address,
    pub changed: Moment,
}

impl Organisation {
    /// Returns the key account that is first met with this person, if there is one.
    pub fn among(seed: u64, person: u64) -> Option<Self> {
        person.is_multiple_of(PERSONS).then(|| Self::draw(seed, person / PERSONS))
    }

    /// Returns the organisation whose contact the person is, and how many of its records name them.
    pub(super) fn of_contact(seed: u64, person: u64) -> Option<(Self, usize)> {
        // Three contacts, of whom the first is in every record.
        let place = (0..3).position(|n| scrambled(seed, 40 + n, person / PERSONS, 97) == person % PERSONS)?;
        let organisation = Self::draw(seed, person / PERSONS);
        let records = if place == 0 { organisation.records.len() } else { 1 };
        Some((organisation, records))
    }

    fn draw(seed: u64, number: u64) -> Self {
        let mut rng = stream(seed, Purpose::KeyAccounts, number);
        let trade = pick(&mut rng, &TRADES);
        let name = format!("{trade} {}{}", pick(&mut rng, &SURNAMES), pick(&mut rng, &AFTER));
        let form = &FORMS[rng.gen_range(0..FORMS.len())];
        // Registered numbers begin with 1 to 9: one that begins with 0 is not a company's.
        let siren = format!("0{:07}", scrambled(seed, 30, number, 9_999_991));
        let siren = format!("{siren}{}", luhn(&siren));
        let home = address(&mut rng);
        let mut organisation = Organisation { number, records: Vec::new() };
        let spaced = format!("{} {} {}", &siren[..3], &siren[3..6], &siren[6..]);
        organisation.keep_account(seed, &mut rng, "crm", format!("{name} {}", form[0]), spaced, home.clone());
        if happens(&mut rng, 0.55) {
            let loud = without_accents(&name).to_uppercase();
            let billed = if happens(&mut rng, 0.5) {
                format!("{} {loud}", form[1])
            } else {
                format!("{loud} {}", form[1].to_uppercase())
            };
            if happens(&mut rng, 0.4) {
                organisation.keep_account(seed, &mut rng, "facturation", billed, String::new(), home.clone());
            } else {
                // Another site, and perhaps a slip in the name: the number is the thread that is left.
                let site = rng.gen_range(2..9);
                let billed = if happens(&mut rng, 0.3) { mistype(&mut rng, &billed) } else { billed };
                let elsewhere = address(&mut rng);
                organisation.keep_account(
                    seed,
                    &mut rng,
                    "facturation",
                    billed,
                    format!("{siren}000{site}0"),
                    elsewhere,
                );
            }
        }
        if happens(&mut rng, 0.15) {
            let wrong = mistype_digit(&mut rng, &siren);
            organisation.keep_account(seed, &mut rng, "crm", format!("Ets {name}, {}", form[2]), wrong, home);
        }
        organisation
    }

    fn keep_account(
        &mut self,
        seed: u64,
        rng: &mut Stream,
        system: &'static str,
        name: String,
        legal_number: String,
        address: Address,
    ) {
        let record = self.number * 4 + self.records.len() as u64;
        self.records.push(AccountRecord {
            number: format!("KA{:08}", scrambled(seed, 31, record, 99_999_989)),
            system,
            name,
            legal_number,
            address,
            changed: rng.gen_range(0..END / DAY) * DAY + 10 * 3600,
        });
    }
}

fn address(rng: &mut Stream) -> Address {
    let (postcode, town) = TOWNS[rng.gen_range(0..TOWNS.len())];
    let street = format!("{} {} {}", rng.gen_range(1..160), pick(rng, &STREET_KINDS), pick(rng, &STREETS));
    Address { street, postcode, town }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_persons_have_one_key_account_with_some_contacts() {
        let accounts: Vec<Organisation> = (0..1000).filter_map(|n| Organisation::among(7, n)).collect();
        assert_eq!(accounts.iter().map(|o| o.number).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        let contacts: Vec<u64> =
            (0..1000).filter_map(|n| Organisation::of_contact(7, n)).map(|(o, _)| o.number).collect();
        assert!(contacts.len() > 20 && contacts.is_sorted(), "{contacts:?}");
    }

    #[test]
    fn no_two_records_have_one_number_and_some_accounts_have_several() {
        let accounts: Vec<Organisation> = (0..500).map(|n| Organisation::draw(3, n)).collect();
        let numbers: std::collections::BTreeSet<&str> =
            accounts.iter().flat_map(|o| &o.records).map(|r| r.number.as_str()).collect();
        let records: usize = accounts.iter().map(|o| o.records.len()).sum();
        assert_eq!(numbers.len(), records);
        assert!(records > 750, "{records}");
    }
}
