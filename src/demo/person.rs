//! Who a person is: name, address, keys by channel, and what keeps the keys apart for some.

use chrono::{Days, NaiveDate};
use rand::Rng;

use super::archetype::Archetype;
use super::calendar::{DAY, END, Moment, STEP_DAYS, STEPS, first_day, step_start};
pub use super::home::Address;
use super::home::{Home, Kin, landline};
use super::name_forms::NameForms;
use super::names::{MAIL_HOSTS, MEN, WOMEN, without_accents};
use super::random_streams::{Purpose, Stream, gamma, happens, pick, scrambled, stream, weighted};

/// Persons who never buy.
const PROSPECTS: f64 = 0.12;
/// Buyers known long before the exports begin.
const KNOWN_BEFORE: f64 = 0.55;
/// Persons whose records no exact key unites.
const SEPARATED: f64 = 0.12;
pub(super) const CONSENT_CHANNELS: [&str; 4] = ["email", "phone", "post", "sms"];

/// Why exact keys do not unite a person's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separation {
    /// One e-mail address on the card, another on the web.
    TwoEmails,
    /// The e-mail on the card was typed wrongly.
    MistypedEmail,
    /// The card carries no e-mail.
    NoEmailOnCard,
    /// A lost card replaced by a new one, the name spelt otherwise.
    TwoCards,
    /// A visitor of the web shop without an account: a cookie, and perhaps a form elsewhere.
    NoAccount,
    /// The card number is keyed in by hand at the till, sometimes wrongly.
    MistypedCard,
}

impl Separation {
    pub fn name(self) -> &'static str {
        match self {
            Separation::TwoEmails => "two e-mails",
            Separation::MistypedEmail => "mistyped e-mail",
            Separation::NoEmailOnCard => "no e-mail on card",
            Separation::TwoCards => "two cards",
            Separation::NoAccount => "no account",
            Separation::MistypedCard => "mistyped card",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Person {
    pub number: u64,
    /// None for a prospect.
    pub archetype: Option<Archetype>,
    pub separation: Option<Separation>,
    pub title: &'static str,
    pub first: &'static str,
    /// The surname until it changes.
    pub last: &'static str,
    pub names: NameForms,
    pub born: NaiveDate,
    /// Nine digits after the leading 0.
    pub phone: u64,
    pub address: Address,
    /// A later address and since when.
    pub moved: Option<(Moment, Address)>,
    /// The address that newsletters reach.
    pub email: Option<String>,
    /// The e-mail of the web account, where it is another.
    pub web_email: Option<String>,
    /// The e-mail as the loyalty form has it.
    pub card_email: Option<String>,
    pub card: Option<String>,
    /// The card that replaces the first, and since when.
    pub new_card: Option<(Moment, String)>,
    pub account: Option<String>,
    pub cookies: Vec<String>,
    /// First known to the retailer; before the history for many.
    pub known_since: Moment,
    pub first_step: usize,
    pub consents: [bool; 4],
    pub bounces: bool,
    pub web_share: f64,
    /// Habits before leaving: newsletters opened, web visits per step.
    pub opens: f64,
    pub visits: f64,
    /// Index of the usual shop.
    pub shop: usize,
}

impl Person {
    pub fn draw(seed: u64, number: u64) -> Self {
        let mut rng = stream(seed, Purpose::Identity, number);
        let prospect = happens(&mut rng, PROSPECTS);
        let shares = Archetype::ALL.map(|a| a.habits().share);
        let archetype = Archetype::ALL[weighted(&mut rng, &shares)];
        let habits = archetype.habits();
        let woman = happens(&mut rng, 0.58);
        let first = if woman { pick(&mut rng, &WOMEN) } else { pick(&mut rng, &MEN) };
        let own = Home::draw(&mut rng);
        let shared = Home::shared(seed, number);
        let kin = shared.as_ref().and_then(|_| Kin::of(seed, number));
        let landline = shared.as_ref().and_then(|_| landline(seed, number));
        let (first, woman) = kin.as_ref().map_or((first, woman), |kin| (kin.first, kin.is_woman));
        let home = shared.unwrap_or(own);
        let known_before = !prospect && happens(&mut rng, KNOWN_BEFORE);
        let first_step = if known_before { 0 } else { rng.gen_range(0..STEPS - 3) };
        let known_since = if known_before {
            -rng.gen_range(1..5 * 365) * DAY + rng.gen_range(9..17) * 3600
        } else {
            step_start(first_step) + rng.gen_range(6..8) * 3600
        };
        let use_of_web = rng.r#gen::<f64>();
        let web_share = if prospect || use_of_web < habits.web_only {
            1.0
        } else if use_of_web < habits.web_only + habits.shop_only {
            0.0
        } else {
            (habits.web_share + rng.gen_range(-0.12..0.12_f64)).clamp(0.03, 0.97)
        };
        let has_card = !prospect && web_share < 1.0;
        let has_account = web_share > 0.0 && (!prospect || happens(&mut rng, 0.6));
        let wishes_email = happens(&mut rng, 0.8);
        let separation = separation(&mut rng, prospect, has_card, has_account);

        let mail = mail_address(&mut rng, first, home.surname, scrambled(seed, 1, number, 99_999_989));
        let other_mail = other_address(&mut rng, first, scrambled(seed, 2, number, 99_999_989));
        let email =
            (has_account || wishes_email || separation == Some(Separation::MistypedEmail)).then_some(mail);
        let card_email = match separation {
            _ if !has_card => None,
            Some(Separation::MistypedEmail) => email.as_deref().map(|m| mistype_mail(&mut rng, m)),
            Some(Separation::NoEmailOnCard) => None,
            _ => email.clone(),
        };
        let web_email = match separation {
            Some(Separation::TwoEmails) => Some(other_mail),
            _ if has_account => email.clone(),
            _ => None,
        };
        let new_card = (separation == Some(Separation::TwoCards)).then(|| {
            let since = rng.gen_range(first_step as i64 * STEP_DAYS..STEPS as i64 * STEP_DAYS - 5);
            (since * DAY + 10 * 3600, card_number(scrambled(seed, 4, number, 99_999_989), '8'))
        });
        let moved = (has_card && happens(&mut rng, 0.05)).then(|| {
            let since = rng.gen_range(first_step as i64 + 1..STEPS as i64) * STEP_DAYS * DAY + 11 * 3600;
            (since, Home::draw(&mut rng).address)
        });
        let devices = if has_account || prospect { 1 + u64::from(happens(&mut rng, 0.35)) } else { 0 };
        let cookies = (0..devices)
            .map(|d| {
                format!(
                    "c{:08x}{:06x}",
                    scrambled(seed, 6 + d, number, 4_294_967_291),
                    rng.gen_range(0..1 << 24)
                )
            })
            .collect();
        let consents = [0.72, 0.4, 0.66, 0.35].map(|p| happens(&mut rng, p));
        Person {
            number,
            archetype: (!prospect).then_some(archetype),
            separation,
            title: if woman { "Mme" } else { "M." },
            first,
            last: home.surname,
            names: NameForms::draw(
                &mut stream(seed, Purpose::Names, number),
                first,
                home.surname,
                woman,
                first_step,
            ),
            born: {
                let born = first_day() - Days::new(rng.gen_range(18 * 365..85 * 365));
                kin.map_or(born, |kin| kin.born)
            },
            phone: landline.unwrap_or(600_000_000 + scrambled(seed, 3, number, 99_999_989)),
            address: home.address,
            moved,
            email,
            web_email,
            card_email,
            card: has_card.then(|| card_number(scrambled(seed, 0, number, 99_999_989), '4')),
            new_card,
            account: has_account.then(|| format!("A{:08}", scrambled(seed, 5, number, 99_999_989))),
            cookies,
            known_since,
            first_step,
            consents,
            bounces: happens(&mut rng, 0.006),
            web_share,
            opens: (habits.opens + rng.gen_range(-0.18..0.18)).clamp(0.04, 0.75),
            visits: if has_account || prospect { gamma(&mut rng, 2.0, habits.visits) } else { 0.0 },
            shop: rng.gen_range(0..super::catalogue::SHOPS.len()),
        }
    }

    pub fn united_by_exact_keys(&self) -> bool {
        self.separation.is_none()
    }

    /// Returns the card shown at a moment.
    pub(super) fn card_at(&self, moment: Moment) -> Option<&str> {
        match &self.new_card {
            Some((since, card)) if moment >= *since => Some(card),
            _ => self.card.as_deref(),
        }
    }

    pub(super) fn last_at(&self, moment: Moment) -> &str {
        match &self.names.renamed {
            Some((since, surname)) if moment >= *since => surname,
            _ => self.last,
        }
    }

    pub(super) fn address_at(&self, moment: Moment) -> &Address {
        match &self.moved {
            Some((since, address)) if moment >= *since => address,
            _ => &self.address,
        }
    }

    /// Returns the address newsletters are sent to: the card's where it is a true one, else the account's.
    pub(super) fn newsletter_address(&self) -> Option<&str> {
        match self.separation {
            Some(Separation::NoEmailOnCard) => self.web_email.as_deref(),
            _ => self.email.as_deref(),
        }
    }
}

fn separation(rng: &mut Stream, prospect: bool, has_card: bool, has_account: bool) -> Option<Separation> {
    let separated = happens(rng, SEPARATED);
    let which = rng.gen_range(0..5);
    if prospect {
        return (!has_account).then_some(Separation::NoAccount);
    }
    if !separated || !has_card {
        return None;
    }
    Some(match (has_account, which) {
        (true, 0) => Separation::TwoEmails,
        (true, 1) => Separation::MistypedEmail,
        (true, 2) => Separation::NoEmailOnCard,
        (true, 3) | (false, 0..=2) => Separation::TwoCards,
        _ => Separation::MistypedCard,
    })
}

fn mail_address(rng: &mut Stream, first: &str, last: &str, number: u64) -> String {
    let letters = |text: &str| -> String {
        without_accents(text).to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
    };
    let (first, last) = (letters(first), letters(last));
    let host = pick(rng, &MAIL_HOSTS);
    match rng.gen_range(0..3) {
        0 => format!("{first}.{last}{number}@{host}"),
        1 => format!("{}{last}{number}@{host}", &first[..1]),
        _ => format!("{last}_{first}{number}@{host}"),
    }
}

/// Returns a second address, of a form that no first one has.
fn other_address(rng: &mut Stream, first: &str, number: u64) -> String {
    let first = without_accents(first).to_lowercase();
    format!("{first}-{number}.web@{}", pick(rng, &MAIL_HOSTS))
}

/// Thirteen digits: issuer, number, series, and Luhn's check digit (ISO/IEC 7812-1), so that one
/// wrong digit never makes another card.
fn card_number(number: u64, series: char) -> String {
    let body = format!("297{series}{number:08}");
    let check = luhn(&body);
    format!("{body}{check}")
}

/// Luhn's check digit.
pub fn luhn(digits: &str) -> u32 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let doubled = u32::from(d - b'0') * if i % 2 == 0 { 2 } else { 1 };
            doubled / 10 + doubled % 10
        })
        .sum();
    (10 - sum % 10) % 10
}

/// Returns a card number with one digit wrong.
pub(super) fn mistype_digit(rng: &mut Stream, number: &str) -> String {
    let at = rng.gen_range(4..number.len());
    let wrong = rng.gen_range(1..10);
    number
        .bytes()
        .enumerate()
        .map(|(i, d)| char::from(if i == at { (d - b'0' + wrong) % 10 + b'0' } else { d }))
        .collect()
}

/// Returns a text with one slip of the keyboard: two letters changed about, one lost or one doubled.
pub(super) fn mistype(rng: &mut Stream, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    if chars.len() < 3 {
        return text.to_owned();
    }
    let at = rng.gen_range(1..chars.len() - 1);
    match rng.gen_range(0..3) {
        0 if chars[at] != chars[at + 1] => chars.swap(at, at + 1),
        1 => {
            chars.remove(at);
        }
        _ => chars.insert(at, chars[at]),
    }
    chars.into_iter().collect()
}

fn mistype_mail(rng: &mut Stream, mail: &str) -> String {
    let (name, host) = mail.split_once('@').unwrap_or((mail, ""));
    // The digits stay right, otherwise it could be somebody else's address.
    let digits = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let (letters, number) = name.split_at(digits);
    let host = host.replacen(".example", ".exemple", 1);
    format!("{}{number}@{host}", mistype(rng, letters))
}

/// Returns a telephone number as different hands write it.
pub(super) fn write_phone(rng: &mut Stream, phone: u64) -> String {
    let digits = format!("0{phone}");
    let pairs = |sign: &str| -> String {
        digits.as_bytes().chunks(2).map(|p| String::from_utf8_lossy(p)).collect::<Vec<_>>().join(sign)
    };
    match rng.gen_range(0..5) {
        0 => digits.clone(),
        1 => pairs(" "),
        2 => pairs("."),
        3 => format!("+33{phone}"),
        _ => format!("0033 {phone}"),
    }
}

/// Returns whether a moment is one that the exports show.
pub(super) fn is_exported(moment: Moment) -> bool {
    (0..END).contains(&moment)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_person_is_the_same_whatever_stands_beside() {
        let show = || format!("{:?}", Person::draw(1, 77));
        assert_eq!(show(), show());
    }

    #[test]
    fn keys_belong_to_one_person() {
        let mut cards = BTreeSet::new();
        let mut mails = BTreeSet::new();
        for number in 0..3000 {
            let person = Person::draw(1, number);
            let new_card = person.new_card.map(|(_, card)| card);
            assert!(person.card.into_iter().chain(new_card).all(|card| cards.insert(card)));
            let of_person: BTreeSet<_> =
                [person.email, person.web_email, person.card_email].into_iter().flatten().collect();
            assert!(of_person.into_iter().all(|mail| mails.insert(mail)));
        }
    }

    #[test]
    fn one_wrong_digit_shows() {
        let mut rng = stream(1, Purpose::Writing, 1);
        let card = card_number(12_345_678, '4');
        assert_eq!(luhn(&card[..12]).to_string(), card[12..]);
        for _ in 0..100 {
            let wrong = mistype_digit(&mut rng, &card);
            assert_ne!(luhn(&wrong[..12]).to_string(), wrong[12..]);
        }
    }

    #[test]
    fn those_united_have_one_chain_of_keys() {
        for person in (0..2000).map(|n| Person::draw(3, n)).filter(Person::united_by_exact_keys) {
            assert_eq!(person.new_card, None);
            if person.card.is_some() && person.account.is_some() {
                assert!(person.card_email.is_some());
                assert_eq!(person.card_email, person.web_email);
            }
        }
    }
}
