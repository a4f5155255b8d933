//! Hides secrets in messages: values that come from the environment by `${NAME}`, and credentials in URLs.
//!
//! A value is shown as it is declared, `${NAME}`, also where a library's error holds it as a path or
//! a URL of its own. It must stand alone, so that a short value does not break words.

use std::borrow::Cow;
use std::sync::RwLock;

/// A shorter value is not a secret, and may be part of anything.
const SHORTEST: usize = 3;

/// Values and what is shown for each, the longest first.
static HIDDEN: RwLock<Vec<(String, String)>> = RwLock::new(Vec::new());

/// Shows `${name}` instead of the value from now on.
pub fn hide(name: &str, value: &str) {
    let shown = format!("${{{name}}}");
    let absolute = std::path::absolute(value).ok().map(|path| path.display().to_string());
    let behind_scheme = value.split_once("://").map(|(_, rest)| rest.to_owned());
    let authority = behind_scheme.as_ref().and_then(|rest| rest.split(['/', '?']).next());
    let scheme = value.split_once("://").map(|(scheme, _)| scheme);
    let place = authority.zip(scheme).map(|(authority, scheme)| format!("{scheme}://{authority}"));
    // A bucket called `exports` is a word of messages.
    let host = authority.and_then(|authority| authority.rsplit('@').next()).map(str::to_owned);
    let host = host.filter(|host| !host.chars().all(char::is_alphabetic));
    let path = behind_scheme.as_ref().and_then(|rest| rest.split_once('/')).map(|(_, path)| path.to_owned());
    // As libraries write it: a path that is whole, one without its slash, a URL without its scheme.
    let spellings = [
        Some(value.to_owned()),
        absolute.filter(|_| value.contains('/')),
        place,
        host,
        behind_scheme,
        path.filter(|path| path.contains('/')),
    ];
    let Ok(mut hidden) = HIDDEN.write() else { return };
    for spelling in spellings.into_iter().flatten() {
        for text in [spelling.trim_end_matches('/'), spelling.trim_matches('/')] {
            let known = hidden.iter().any(|(known, _)| known == text);
            if text.chars().count() >= SHORTEST && !known {
                hidden.push((text.to_owned(), shown.clone()));
            }
            let encoded = text.replace(' ', "%20");
            if encoded != text && !known {
                hidden.push((encoded, shown.clone()));
            }
        }
    }
    hidden.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
}

/// Returns the text without what no message tells.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    if let Ok(hidden) = HIDDEN.read() {
        for (value, shown) in hidden.iter() {
            if masked.contains(value.as_str()) {
                masked = Cow::Owned(replaced(&masked, value, shown));
            }
        }
    }
    match masked.contains("://") {
        true => Cow::Owned(without_credentials(&masked)),
        false => masked,
    }
}

/// With the value replaced where it is alone.
fn replaced(text: &str, value: &str, shown: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut masked, mut from) = (String::with_capacity(text.len()), 0);
    for (at, found) in text.match_indices(value) {
        let end = at + found.len();
        let goes_on = |inside: Option<char>, outside: Option<char>| {
            inside.is_some_and(is_word) && outside.is_some_and(is_word)
        };
        if at < from
            || goes_on(value.chars().next(), text[..at].chars().next_back())
            || goes_on(value.chars().next_back(), text[end..].chars().next())
        {
            continue;
        }
        masked.push_str(&text[from..at]);
        masked.push_str(shown);
        from = end;
    }
    masked + &text[from..]
}

/// With `…` for who is let in by a URL (`user:password@`) and for what it asks (`?…`), which may be a
/// signature or a token.
fn without_credentials(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        masked.push_str(before);
        masked.push_str("://");
        let end = behind.find(|c: char| c.is_whitespace() || "`\"'<>)".contains(c)).unwrap_or(behind.len());
        let url = &behind[..end];
        // A password may hold a slash that nobody wrote as %2F.
        let host = match url.rfind('@') {
            Some(at) => {
                masked.push('…');
                at
            }
            None => 0,
        };
        // `a?.csv` is a pattern, and asks for nothing.
        match url[host..].find(['?', '#']).filter(|asks| url[host + asks..].contains('=')) {
            Some(asks) => {
                masked.push_str(&url[host..=host + asks]);
                masked.push('…');
            }
            None => masked.push_str(&url[host..]),
        }
        rest = &behind[end..];
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_the_environment_is_shown_as_it_is_declared() {
        hide("SECRET_TEST_A", "/srv/ada lovelace/exports/");
        hide("SECRET_TEST_B", "s3://bucket-of-ada/in/2026");
        for (text, masked) in [
            (
                "there is no file at /srv/ada lovelace/exports/a.csv",
                "there is no file at ${SECRET_TEST_A}/a.csv",
            ),
            ("list file:///srv/ada%20lovelace/exports", "list file://${SECRET_TEST_A}"),
            (
                "Object at location in/2026/a.csv not found",
                "Object at location ${SECRET_TEST_B}/a.csv not found",
            ),
            ("list s3://bucket-of-ada/in/2026/*.csv", "list ${SECRET_TEST_B}/*.csv"),
            ("url (https://bucket-of-ada.s3.org/in)", "url (https://${SECRET_TEST_B}.s3.org/in)"),
            ("/srv/ada lovelace/exportsx", "/srv/ada lovelace/exportsx"),
        ] {
            assert_eq!(without_secrets(text), masked);
        }
    }

    #[test]
    fn a_short_value_breaks_no_word() {
        hide("SECRET_TEST_C", "vwx");
        assert_eq!(without_secrets("vwx, uvwxy and vwx/a"), "${SECRET_TEST_C}, uvwxy and ${SECRET_TEST_C}/a");
    }

    #[test]
    fn who_is_let_in_by_a_url_is_not_told() {
        for (url, masked) in [
            ("`https://ada:pass@host/a`: no store", "`https://…@host/a`: no store"),
            ("s3://key:se/cret@bucket/x and more", "s3://…@bucket/x and more"),
            ("see https://host/a?sig=abc&x=1.", "see https://host/a?…"),
            ("see https://host?token=a@b c", "see https://…@b c"),
            ("list s3://bucket/a?.csv", "list s3://bucket/a?.csv"),
            ("a https://host/b", "a https://host/b"),
        ] {
            assert_eq!(without_credentials(url), masked);
        }
    }
}
