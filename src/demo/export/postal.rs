//! Letter campaigns: what they offered and cost, and whom they went to.

use std::path::Path;

use super::sheets::finish_sheets;
use crate::demo::calendar::day;
use crate::demo::campaign::{Group, LETTERS, posted};
use crate::demo::channel_records::Story;
use crate::demo::output::{Rows, Sheet, money};
use crate::demo::random_streams::happens;
use crate::error::Result;

pub struct Post {
    mailings: Sheet,
    campaigns: Sheet,
}

impl Post {
    pub fn create(folder: &Path) -> Result<Self> {
        let mut campaigns = Sheet::utf8(folder.join("postal/campaigns.csv"))?;
        campaigns.line("campagne;nom;offre;envoyée le;coût unitaire;coût fixe")?;
        for letter in &LETTERS {
            campaigns.row(&format!(
                "{};{};{};{};{};{}",
                letter.id,
                letter.name,
                letter.offer,
                day(posted(letter)).format("%d/%m/%Y"),
                money(letter.unit_cost, ','),
                money(letter.fixed_cost, ',')
            ))?;
        }
        let mut mailings = Sheet::utf8(folder.join("postal/mailings.csv"))?;
        mailings.line("envoi;campagne;groupe;carte;nom;adresse;code postal;ville;date")?;
        Ok(Post { mailings, campaigns })
    }

    pub fn write(&mut self, story: &mut Story) -> Result<()> {
        let person = story.person;
        for (which, letter) in LETTERS.iter().enumerate() {
            let Some(group) = story.life.letters[which].map(|chosen| chosen.group) else { continue };
            if group == Group::Treated {
                story.letters.push(which);
            }
            let number = format!("E{:011}", story.next_record());
            let at = posted(letter);
            let home = person.address_at(at);
            // The printer's list of some has lost the card number.
            let lost = person.separation.is_some() && happens(&mut story.rng, 0.4);
            let card = person.card_at(at).filter(|_| !lost).unwrap_or("").to_owned();
            self.mailings.row(&format!(
                "{number};{};{};{card};{} {} {};{};{};{};{}",
                letter.id,
                if group == Group::Control { "témoin" } else { "envoi" },
                person.title,
                person.first,
                person.last_at(at),
                home.street,
                home.postcode,
                home.town,
                day(at).format("%d/%m/%Y")
            ))?;
            story.key("postal", "mailing", &number);
            if !card.is_empty() {
                story.key("postal", "card", &card);
            }
        }
        Ok(())
    }

    pub fn finish(self, rows: &mut Rows) -> Result<()> {
        finish_sheets("postal/campaigns", [self.campaigns], rows)?;
        finish_sheets("postal/mailings", [self.mailings], rows)
    }
}
