//! Key accounts, their contacts and the visits to them, as the sales force and the accounts department keep them.

use std::path::Path;

use rand::Rng;

use super::sheets::finish_sheets;
use crate::demo::calendar::{DAY, END, Moment, day};
use crate::demo::channel_records::Story;
use crate::demo::organisation::{AccountRecord, Organisation};
use crate::demo::output::{Rows, Sheet};
use crate::demo::person::write_phone;
use crate::demo::random_streams::{Purpose, scrambled, stream};
use crate::error::Result;

const ROLES: [&str; 4] = ["achats", "direction", "comptabilité", "accueil"];
/// Beyond every number of a key account: a contact's stream is nobody else's.
const CONTACTS: u64 = 1 << 40;
const VISITS_AN_ACCOUNT: u64 = 1024;

pub struct KeyAccounts {
    organisations: Sheet,
    contacts: Sheet,
    visits: Sheet,
}

impl KeyAccounts {
    pub fn create(folder: &Path) -> Result<Self> {
        let open = |name: &str, header: &str| -> Result<Sheet> {
            let mut sheet = Sheet::utf8(folder.join(format!("key_accounts/{name}.csv")))?;
            sheet.line(header)?;
            Ok(sheet)
        };
        Ok(KeyAccounts {
            organisations: open(
                "organisations",
                "fiche;système;raison sociale;siren ou siret;adresse;code postal;ville;modifiée le",
            )?,
            contacts: open("contacts", "contact;fiche;fonction;prénom;nom;e-mail;téléphone;depuis")?,
            visits: open("visits", "visite;fiche;faite le")?,
        })
    }

    pub fn write(&mut self, organisation: &Organisation) -> Result<()> {
        for record in &organisation.records {
            self.organisations.row(&format!(
                "{};{};{};{};{};{};{};{}",
                record.number,
                record.system,
                record.name,
                record.legal_number,
                record.address.street,
                record.address.postcode,
                record.address.town,
                day(record.changed).format("%d/%m/%Y"),
            ))?;
        }
        Ok(())
    }

    /// When somebody of the sales force went to see them.
    pub(super) fn write_visits(
        &mut self,
        seed: u64,
        organisation: &Organisation,
        record: &AccountRecord,
        visits: &[Moment],
    ) -> Result<()> {
        for (n, at) in visits.iter().enumerate() {
            let number = scrambled(seed, 33, organisation.number * VISITS_AN_ACCOUNT + n as u64, 999_999_937);
            let date = day(*at).format("%d/%m/%Y");
            self.visits.row(&format!("VI{number:09};{};{date}", record.number))?;
        }
        Ok(())
    }

    /// A contact gives the address and the telephone they use as a customer.
    pub(crate) fn write_contacts(&mut self, seed: u64, story: &mut Story) -> Result<()> {
        let person = story.person;
        let Some((organisation, records)) = Organisation::of_contact(seed, person.number) else {
            return Ok(());
        };
        let mut rng = stream(seed, Purpose::KeyAccounts, CONTACTS + person.number);
        let role = ROLES[rng.gen_range(0..ROLES.len())];
        let email = person.web_email.as_deref().or(person.email.as_deref()).unwrap_or("");
        for (n, record) in organisation.records.iter().take(records).enumerate() {
            let number = format!("KC{:09}", scrambled(seed, 32, person.number * 4 + n as u64, 999_999_937));
            let phone = write_phone(&mut rng, person.phone);
            let since = rng.gen_range(0..END / DAY) * DAY;
            self.contacts.row(&format!(
                "{number};{};{role};{};{};{email};{phone};{}",
                record.number,
                person.names.contact,
                person.last_at(since),
                day(since).format("%d/%m/%Y"),
            ))?;
            story.key("key_accounts", "contact", &number);
            story.key("key_accounts", "phone", &phone);
            if !email.is_empty() {
                story.key("key_accounts", "email", email);
            }
        }
        Ok(())
    }

    pub fn finish(self, rows: &mut Rows) -> Result<()> {
        finish_sheets("key_accounts/organisations", [self.organisations], rows)?;
        finish_sheets("key_accounts/contacts", [self.contacts], rows)?;
        finish_sheets("key_accounts/visits", [self.visits], rows)
    }
}
