//! The address that a campaign is sent to: which one a channel needs, where it is found, and in SQL whether it can
//! be used.

use crate::sql_text::quoted;

/// What a campaign is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    Email,
    Phone,
    /// A telephone that takes text messages.
    Mobile,
    Post,
}

/// How an audience finds out whether customers can be reached.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Reach {
    /// The pipeline says that nobody need look.
    #[default]
    Unchecked,
    /// By a condition of the pipeline's own.
    Condition(String),
    /// By the address that the channel is sent to.
    Address(Address),
    /// The channel is none of those whose addresses are known, and the pipeline does not say.
    UnknownChannel,
}

impl Reach {
    /// Returns the SQL that the pipeline or the usual names give.
    pub fn expressions(&self) -> &[String] {
        match self {
            Reach::Unchecked | Reach::UnknownChannel => &[],
            Reach::Condition(sql) => std::slice::from_ref(sql),
            Reach::Address(address) => &address.expressions,
        }
    }
}

/// Where the address is found.
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    pub kind: AddressKind,
    /// SQL expressions over the row of the customer, in the order of [`AddressKind::parts`].
    pub expressions: Vec<String>,
    /// Whether the pipeline names them; else they are the usual names, and a table may lack them.
    pub is_declared: bool,
    /// The country in which national telephone numbers and postcodes are written, two letters; empty where
    /// none is known.
    pub country: String,
}

impl AddressKind {
    /// Returns the kind of a channel by its usual names, whatever their case and punctuation.
    pub fn of_channel(channel: &str) -> Option<AddressKind> {
        let letters: String =
            channel.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        [AddressKind::Email, AddressKind::Phone, AddressKind::Mobile, AddressKind::Post]
            .into_iter()
            .find(|kind| kind.channels().contains(&letters.as_str()))
    }

    /// Returns the names of channels that are sent to such an address, the usual one first.
    pub fn channels(self) -> &'static [&'static str] {
        match self {
            AddressKind::Email => &["email", "emails", "emailing", "newsletter"],
            AddressKind::Phone => &["phone", "telephone", "tel", "call", "calls", "callcenter", "callcentre"],
            AddressKind::Mobile => &["sms", "text", "textmessage", "mobile", "whatsapp", "mms"],
            AddressKind::Post => &["post", "postal", "letter", "letters", "directmail"],
        }
    }

    /// Returns the usual names of the columns that hold the address.
    pub fn parts(self) -> &'static [&'static str] {
        match self {
            AddressKind::Email => &["email"],
            AddressKind::Phone | AddressKind::Mobile => &["phone"],
            AddressKind::Post => &["street", "postcode", "city"],
        }
    }

    /// Returns the reason to be off without such an address.
    pub fn lacking(self) -> &'static str {
        match self {
            AddressKind::Email => "no usable e-mail address",
            AddressKind::Phone => "no usable telephone number",
            AddressKind::Mobile => "no usable mobile number",
            AddressKind::Post => "no complete postal address",
        }
    }

    /// Returns the reason to be off with an address from which something came back.
    pub fn bounced(self) -> &'static str {
        match self {
            AddressKind::Email => "e-mail address bounced",
            AddressKind::Phone | AddressKind::Mobile => "telephone number out of service",
            AddressKind::Post => "letters came back from the address",
        }
    }

    /// Returns whether what came back on a channel of the other kind came back from such an address.
    pub fn shares_addresses(self, other: AddressKind) -> bool {
        let is_telephone = |kind| matches!(kind, AddressKind::Phone | AddressKind::Mobile);
        self == other || is_telephone(self) && is_telephone(other)
    }
}

impl Address {
    /// Returns the SQL condition for the address to be one that can be used.
    pub fn usable(&self) -> String {
        let country = quoted(&self.country);
        let text = |nth: usize| as_text(&self.expressions[nth]);
        match self.kind {
            AddressKind::Email => format!("standard_email({}) is not null", text(0)),
            // Without a country, national numbers cannot be checked against a numbering plan.
            AddressKind::Phone if self.country.is_empty() => {
                format!("standard_phone({}, '') is not null", text(0))
            }
            AddressKind::Phone => format!("phone_line({}, {country}) is not null", text(0)),
            AddressKind::Mobile => {
                format!("coalesce(phone_line({}, {country}), '') in ('mobile', 'mobile or fixed')", text(0))
            }
            AddressKind::Post => format!(
                "standard_street({}) is not null and standard_postcode({}, {country}) is not null \
                 and standard_city({}) is not null",
                text(0),
                text(1),
                text(2)
            ),
        }
    }

    /// Returns the address in the form in which addresses are compared.
    pub fn standard(&self) -> String {
        match self.expressions.as_slice() {
            [one] => self.standard_of(one),
            parts => {
                let parts: Vec<String> = parts.iter().map(|part| as_text(part)).collect();
                format!("standard_street(concat_ws(' ', {}))", parts.join(", "))
            }
        }
    }

    /// Returns an address of another table in that form.
    pub fn standard_of(&self, expression: &str) -> String {
        let text = as_text(expression);
        match self.kind {
            AddressKind::Email => format!("standard_email({text})"),
            AddressKind::Phone | AddressKind::Mobile => {
                format!("standard_phone({text}, {})", quoted(&self.country))
            }
            AddressKind::Post => format!("standard_street({text})"),
        }
    }
}

fn as_text(expression: &str) -> String {
    let is_name = expression.chars().all(|c| c.is_alphanumeric() || "_.\"".contains(c));
    if is_name {
        format!("cast({expression} as varchar)")
    } else {
        format!("cast(({expression}) as varchar)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_known_by_its_usual_names() {
        for (channel, kind) in [
            ("email", AddressKind::Email),
            ("E-mail", AddressKind::Email),
            ("sms", AddressKind::Mobile),
            ("Call-Centre", AddressKind::Phone),
            ("direct mail", AddressKind::Post),
            ("letter", AddressKind::Post),
        ] {
            assert_eq!(AddressKind::of_channel(channel), Some(kind), "{channel}");
        }
        // In French a `mail` is an e-mail, in English a letter: nobody guesses.
        for channel in ["mail", "push", "", "shop"] {
            assert_eq!(AddressKind::of_channel(channel), None, "{channel}");
        }
    }

    #[test]
    fn what_came_back_from_a_telephone_holds_for_calls_and_for_texts() {
        assert!(AddressKind::Phone.shares_addresses(AddressKind::Mobile));
        assert!(!AddressKind::Phone.shares_addresses(AddressKind::Email));
    }
}
