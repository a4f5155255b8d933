//! E-mail addresses: one form for each mailbox.
//!
//! Case never matters in practice. The part after a plus sign, and the dots of the local part, are removed
//! only for hosts that are known to deliver both to one mailbox: on other hosts `a.b@` and `ab@` may be two
//! persons.

use crate::placeholder_value::is_nobodys;

/// Hosts that ignore what follows a plus sign.
const PLUS_TAGS: [&str; 20] = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "outlook.fr",
    "hotmail.com",
    "hotmail.fr",
    "hotmail.co.uk",
    "live.com",
    "live.fr",
    "live.co.uk",
    "msn.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "proton.me",
    "protonmail.com",
    "pm.me",
    "fastmail.com",
    "yandex.com",
    "zoho.com",
];
/// Returns the address as records are compared by it; `None` for a value that is not the address of a person.
pub fn standard_email(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(|c| matches!(c, '<' | '>' | '"' | '\'' | ',' | ';')).to_lowercase();
    let text = text.strip_prefix("mailto:").unwrap_or(&text);
    let (local, host) = text.split_once('@')?;
    let host = host.trim_end_matches('.');
    let sound = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    if !sound(local) || !sound(host) || !host.contains('.') || host.starts_with('.') || host.contains("..") {
        return None;
    }
    if is_nobodys(local, host) {
        return None;
    }
    let host = if host == "googlemail.com" { "gmail.com" } else { host };
    let mut mailbox = local;
    if PLUS_TAGS.contains(&host)
        && let Some((before, _)) = local.split_once('+')
        && !before.is_empty()
    {
        mailbox = before;
    }
    Some(match host {
        "gmail.com" => format!("{}@{host}", mailbox.replace('.', "")),
        _ => format!("{mailbox}@{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_a_mailbox() {
        for spelling in ["Ada.Love@Gmail.com", " adalove+shop@googlemail.com ", "<ada.love@gmail.com>"] {
            assert_eq!(standard_email(spelling).as_deref(), Some("adalove@gmail.com"));
        }
        assert_eq!(standard_email("a.b+news@outlook.fr").as_deref(), Some("a.b@outlook.fr"));
    }

    #[test]
    fn what_an_unknown_host_makes_of_dots_and_tags_is_not_guessed() {
        assert_eq!(standard_email("A.B+x@firm.example").as_deref(), Some("a.b+x@firm.example"));
    }

    #[test]
    fn what_is_no_address_is_nothing() {
        for text in ["", "@", "ada", "ada@", "@host.fr", "ada@host", "a b@host.fr", "a@b@c.fr", "a@h..fr"] {
            assert_eq!(standard_email(text), None, "{text}");
        }
        for nobody in ["no-reply@shop.example", "N/A@N/A.fr", "test@test.com", "a@a.fr", "xxxx@xxxx.com"] {
            assert_eq!(standard_email(nobody), None, "{nobody}");
        }
        assert!(standard_email("dupont@dupont.example").is_some());
    }
}
