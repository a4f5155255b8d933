//! The loyalty scheme: card forms with the explicit profile, other forms, dated consents.

use std::path::Path;

use rand::Rng;

use super::broken_rows::is_broken;
use super::email::unsubscribed_at;
use super::sheets::finish_sheets;
use super::web::capitalised;
use crate::demo::archetype::Archetype;
use crate::demo::calendar::{DAY, END, Moment, day};
use crate::demo::catalogue::CATEGORIES;
use crate::demo::channel_records::Story;
use crate::demo::names::without_accents;
use crate::demo::output::{Rows, Sheet};
use crate::demo::person::{CONSENT_CHANNELS, mistype, write_phone};
use crate::demo::random_streams::{Purpose, Stream, happens};
use crate::error::Result;

pub struct Loyalty {
    cards: Sheet,
    forms: Sheet,
    consents: Sheet,
}

/// What a consent is for: to be sent offers, and to have them chosen by what was bought.
const PROMOTIONS: &str = "promotions";
const PROFILING: &str = "profilage";

/// Under what an answer is kept.
#[derive(Clone, Copy)]
enum Record<'a> {
    Card(&'a str),
    Email(&'a str),
}

struct Answer<'a> {
    record: Record<'a>,
    channel: &'static str,
    purpose: &'static str,
    granted: bool,
    at: Moment,
    origin: &'static str,
}

/// What one filling of the card form says.
struct Form<'a> {
    card: &'a str,
    first: &'a str,
    last: &'a str,
    email: &'a str,
    phone: &'a str,
    interests: &'a str,
    prefers: &'a str,
    created: Moment,
    changed: Moment,
}

impl Loyalty {
    pub fn create(folder: &Path) -> Result<Self> {
        let open = |name: &str, header: &str| -> Result<Sheet> {
            let mut sheet = Sheet::utf8(folder.join(format!("loyalty/{name}.csv")))?;
            sheet.line(header)?;
            Ok(sheet)
        };
        Ok(Loyalty {
            cards: open(
                "cards",
                "formulaire;carte;civilité;nom;prénom;date de naissance;e-mail;téléphone;adresse;code postal;\
                 ville;contact préféré;centres d'intérêt;créé le;modifié le",
            )?,
            forms: open("forms", "formulaire;rempli le;origine;prénom;nom;e-mail;téléphone;code postal")?,
            consents: open("consents", "carte;e-mail;canal;finalité;accord;depuis;origine")?,
        })
    }

    pub fn write(&mut self, story: &mut Story) -> Result<()> {
        if story.person.card.is_some() {
            self.write_cards(story)?;
        } else if story.person.archetype.is_none() {
            self.write_form(story)?;
        }
        self.write_consents(story)
    }

    fn write_cards(&mut self, story: &mut Story) -> Result<()> {
        let person = story.person;
        let Some(card) = person.card.as_deref() else { return Ok(()) };
        let email = person.card_email.as_deref().unwrap_or("");
        let email = if happens(&mut story.rng, 0.15) { capitalised(email) } else { email.to_owned() };
        let has_phone = person.separation.is_some() || happens(&mut story.rng, 0.75);
        let phone = if has_phone { write_phone(&mut story.rng, person.phone) } else { String::new() };
        let prefers = CONSENT_CHANNELS[story.rng.gen_range(0..4)];
        let interests = interests(story);
        let mut form = Form {
            card,
            first: person.first,
            last: person.last,
            email: &email,
            phone: &phone,
            interests: &interests,
            prefers,
            created: person.known_since,
            changed: person.known_since,
        };
        self.form(story, &form)?;
        let moved = person.moved.iter().map(|(since, _)| *since);
        let mut changes: Vec<Moment> =
            moved.chain(person.names.renamed.iter().map(|(since, _)| *since)).collect();
        changes.sort_unstable();
        for since in changes {
            form.last = person.last_at(since);
            form.changed = since;
            self.form(story, &form)?;
        }
        if let Some((since, card)) = &person.new_card {
            let last = mistype(&mut story.rng, person.last_at(*since));
            let first = without_accents(&person.names.new_card);
            form = Form {
                card,
                first: &first,
                last: &last,
                email: "",
                created: *since,
                changed: *since,
                ..form
            };
            self.form(story, &form)?;
        }
        Ok(())
    }

    fn form(&mut self, story: &mut Story, form: &Form) -> Result<()> {
        let person = story.person;
        let number = format!("F{:011}", story.next_record());
        let home = person.address_at(form.changed);
        let date = |moment| day(moment).format("%d/%m/%Y").to_string();
        let row = |born: &str| {
            format!(
                "{number};{};{};{};{};{born};{};{};{};{};{};{};{};{};{}",
                form.card,
                person.title,
                form.last,
                form.first,
                form.email,
                form.phone,
                home.street,
                home.postcode,
                home.town,
                form.prefers,
                form.interests,
                date(form.created),
                date(form.changed),
            )
        };
        self.cards.row(&row(&person.born.format("%d/%m/%Y").to_string()))?;
        if is_broken(&mut story.rng) {
            self.cards.row(&row("30/02/1970"))?;
        }
        story.key("loyalty", "form", &number);
        story.key("loyalty", "card", form.card);
        for (kind, value) in [("email", form.email), ("phone", form.phone)] {
            if !value.is_empty() {
                story.key("loyalty", kind, value);
            }
        }
        Ok(())
    }

    /// A competition or an enquiry: somebody who has not bought yet.
    fn write_form(&mut self, story: &mut Story) -> Result<()> {
        let person = story.person;
        let Some(email) = person.email.as_deref() else { return Ok(()) };
        let number = format!("F{:011}", story.next_record());
        let phone = if happens(&mut story.rng, 0.5) {
            write_phone(&mut story.rng, person.phone)
        } else {
            String::new()
        };
        let origin = ["jeu concours", "salon", "demande de catalogue"][story.rng.gen_range(0..3)];
        self.forms.row(&format!(
            "{number};{};{origin};{};{};{email};{phone};{}",
            day(person.known_since).format("%d/%m/%Y"),
            person.names.form,
            person.last_at(person.known_since),
            person.address.postcode
        ))?;
        story.key("loyalty", "form", &number);
        story.key("loyalty", "email", email);
        if !phone.is_empty() {
            story.key("loyalty", "phone", &phone);
        }
        Ok(())
    }

    /// The first answer for each channel, and what became of it.
    fn write_consents(&mut self, story: &mut Story) -> Result<()> {
        let person = story.person;
        let email = person.newsletter_address().unwrap_or("").to_owned();
        if person.card.is_none() && email.is_empty() {
            return Ok(());
        }
        // The card names the person where there is one, the e-mail else.
        let record = person.card.as_deref().map_or(Record::Email(&email), Record::Card);
        let unsubscribed =
            story.life.newsletters.iter().find(|n| n.unsubscribed).map(|n| unsubscribed_at(n.sent));
        for (channel, granted) in CONSENT_CHANNELS.into_iter().zip(person.consents) {
            let first = Answer {
                record,
                channel,
                purpose: PROMOTIONS,
                granted,
                at: person.known_since,
                origin: "formulaire",
            };
            self.answer(&first)?;
            if channel == "email"
                && let Some(at) = unsubscribed
            {
                self.answer(&Answer { granted: false, at, origin: "désinscription", ..first })?;
            } else if channel != "email" && channel != "post" && happens(&mut story.rng, 0.04) {
                let at = story.rng.gen_range(person.known_since.max(0) / DAY..END / DAY) * DAY + 12 * 3600;
                let at = at.max(person.known_since);
                self.answer(&Answer { granted: !granted, at, origin: "téléphone", ..first })?;
            }
        }
        self.write_profiling(story, record)?;
        if let Some((since, card)) = &person.new_card {
            self.write_new_card(story, *since, card)?;
        }
        if person.card.is_none() || self.write_preferences(story, &email)? {
            story.key("loyalty", "email", &email);
        }
        Ok(())
    }

    /// Whether offers may be chosen by what was bought: asked beside the offers themselves, and by
    /// some answered otherwise.
    fn write_profiling(&mut self, story: &Story, record: Record) -> Result<()> {
        let person = story.person;
        let mut rng = story.stream(Purpose::Consents);
        for (channel, offers) in CONSENT_CHANNELS.into_iter().zip(person.consents) {
            let granted = happens(&mut rng, if offers { 0.75 } else { 0.12 });
            let first = Answer {
                record,
                channel,
                purpose: PROFILING,
                granted,
                at: person.known_since,
                origin: "formulaire",
            };
            self.answer(&first)?;
            if happens(&mut rng, 0.04) {
                let at = later(&mut rng, person.known_since);
                self.answer(&Answer { granted: !granted, at, origin: "téléphone", ..first })?;
            }
        }
        Ok(())
    }

    /// A new card is a new form: most say again what they said, some the opposite. What newsletters
    /// and letters went by stays as it was.
    fn write_new_card(&mut self, story: &Story, since: Moment, card: &str) -> Result<()> {
        let mut rng = story.stream(Purpose::NewCardConsents);
        for (channel, granted) in CONSENT_CHANNELS.into_iter().zip(story.person.consents) {
            let opposite = happens(&mut rng, 0.25) && !["email", "post"].contains(&channel);
            self.answer(&Answer {
                record: Record::Card(card),
                channel,
                purpose: PROMOTIONS,
                granted: granted != opposite,
                at: since,
                origin: "formulaire",
            })?;
        }
        Ok(())
    }

    /// Returns an answer on the web account's page, under the e-mail and not the card: often another than the
    /// card has. Whether there is one.
    fn write_preferences(&mut self, story: &Story, email: &str) -> Result<bool> {
        let person = story.person;
        let mut rng = story.stream(Purpose::WebConsents);
        let visits = happens(&mut rng, 0.15);
        // Where no key unites card and e-mail the address would be alone.
        if person.separation.is_some() || person.account.is_none() || email.is_empty() || !visits {
            return Ok(false);
        }
        let which = rng.gen_range(0..CONSENT_CHANNELS.len());
        let (channel, purpose) = (CONSENT_CHANNELS[which], [PROMOTIONS, PROFILING][rng.gen_range(0..2)]);
        // Newsletters and letters were sent by what the card says: nobody refused them here.
        let kept = purpose == PROMOTIONS && ["email", "post"].contains(&channel);
        let at = later(&mut rng, person.known_since);
        let granted = kept || !person.consents[which];
        let record = Record::Email(email);
        self.answer(&Answer { record, channel, purpose, granted, at, origin: "compte web" })?;
        Ok(at < END)
    }

    fn answer(&mut self, answer: &Answer) -> Result<()> {
        if answer.at >= END {
            return Ok(());
        }
        let (card, email) = match answer.record {
            Record::Card(card) => (card, ""),
            Record::Email(email) => ("", email),
        };
        self.consents.row(&format!(
            "{card};{email};{};{};{};{};{}",
            answer.channel,
            answer.purpose,
            if answer.granted { "oui" } else { "non" },
            day(answer.at).format("%d/%m/%Y"),
            answer.origin
        ))
    }

    pub fn finish(self, rows: &mut Rows) -> Result<()> {
        finish_sheets("loyalty/cards", [self.cards], rows)?;
        finish_sheets("loyalty/forms", [self.forms], rows)?;
        finish_sheets("loyalty/consents", [self.consents], rows)
    }
}

/// Noon of a day after somebody became known.
fn later(rng: &mut Stream, known_since: Moment) -> Moment {
    rng.gen_range(known_since.max(0) / DAY + 1..=END / DAY) * DAY + 12 * 3600
}

/// Returns two interests as the form has them: mostly what is bought, sometimes only a wish.
fn interests(story: &mut Story) -> String {
    let tastes = story.person.archetype.unwrap_or(Archetype::Connected).habits().tastes;
    let mut one = || {
        if happens(&mut story.rng, 0.75) {
            CATEGORIES[tastes[story.rng.gen_range(0..tastes.len())]]
        } else {
            CATEGORIES[story.rng.gen_range(0..CATEGORIES.len())]
        }
    };
    let (first, second) = (one(), one());
    if first == second { first.to_owned() } else { format!("{first}, {second}") }
}
