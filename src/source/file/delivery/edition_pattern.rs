//! Files of which one replaces another: `replaces = "sales_{period}_v{version}.csv"`.
//!
//! Files whose names differ only in `{version}` are editions of one file, and the highest version is used. A
//! part in brackets is optional: with `sales_{period}[_v{version}].csv` the file without it is the first
//! edition.

use std::cmp::Ordering;
use std::fmt;

use regex::Regex;

use super::file_version::file_version;

const VERSION: &str = "version";

/// Where a file's name holds its edition.
#[derive(Debug, Clone)]
pub struct Editions {
    text: String,
    with_version: Regex,
    /// The name of the edition that came first, where it need not say its version.
    without: Option<Regex>,
    placeholders: Vec<String>,
}

/// The parts of a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    /// Of what: the folder, and the placeholders but for the version. Equal for all its editions.
    pub of: Vec<String>,
    /// None for the first edition, which has no version.
    pub version: Option<String>,
}

impl PartialEq for Editions {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Editions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Editions {
    /// Reads a pattern.
    ///
    /// # Errors
    /// No `{version}`, a placeholder twice or right after another, brackets that do not close or hold another
    /// placeholder; the text completes the sentence "the pattern …".
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = parts(text)?;
        let mut names = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            let Part::Placeholder(name) = &part.0 else { continue };
            if names.contains(name) {
                return Err(format!("has {{{name}}} twice"));
            }
            names.push(name.clone());
            if place.checked_sub(1).is_some_and(|before| matches!(parts[before].0, Part::Placeholder(_))) {
                return Err(format!("has nothing between {{{name}}} and the placeholder before it"));
            }
        }
        let optional = || parts.iter().filter(|part| part.1);
        let is_version = |part: &Part| matches!(part, Part::Placeholder(name) if name == VERSION);
        if !names.iter().any(|name| name == VERSION) {
            return Err("has no {version}".to_owned());
        }
        if optional().next().is_some() && !optional().any(|part| is_version(&part.0)) {
            return Err("has brackets without {version}".to_owned());
        }
        if let Some(Part::Placeholder(name)) = optional()
            .map(|part| &part.0)
            .find(|part| matches!(part, Part::Placeholder(_)) && !is_version(part))
        {
            return Err(format!("has {{{name}}} in brackets, where only {{version}} is allowed"));
        }
        let regex = |parts: &mut dyn Iterator<Item = &(Part, bool)>| {
            let mut regex = String::from("^(?P<folder>(?:.*/)?)");
            for (part, _) in parts {
                match part {
                    Part::Fixed(text) => regex.push_str(&regex::escape(text)),
                    Part::Placeholder(name) => regex.push_str(&format!("(?P<p_{name}>[^/]+)")),
                }
            }
            regex.push('$');
            regex::RegexBuilder::new(&regex)
                .dot_matches_new_line(true)
                .build()
                .map_err(|_| "is too long".to_owned())
        };
        let with_version = regex(&mut parts.iter())?;
        let without = match optional().next() {
            Some(_) => Some(regex(&mut parts.iter().filter(|part| !part.1))?),
            None => None,
        };
        names.retain(|name| name != VERSION);
        Ok(Editions { text: text.to_owned(), with_version, without, placeholders: names })
    }

    /// Returns the parts of a name; `None` when the pattern does not fit it.
    pub fn of(&self, name: &str) -> Option<Edition> {
        let found = self.with_version.captures(name);
        let found = found.or_else(|| self.without.as_ref()?.captures(name))?;
        let of = std::iter::once("folder".to_owned())
            .chain(self.placeholders.iter().map(|name| format!("p_{name}")))
            .map(|group| found.name(&group).map_or("", |part| part.as_str()).to_owned())
            .collect();
        Some(Edition { of, version: found.name("p_version").map(|part| part.as_str().to_owned()) })
    }
}

impl Edition {
    /// Returns which of two editions of one is newer, numbers taken as numbers; equal when their versions say
    /// the same.
    pub fn order(&self, other: &Edition) -> Ordering {
        match (&self.version, &other.version) {
            (Some(one), Some(other)) => file_version(one, None).cmp(&file_version(other, None)),
            (one, other) => one.is_some().cmp(&other.is_some()),
        }
    }
}

enum Part {
    Fixed(String),
    Placeholder(String),
}

/// Returns the parts of a pattern, each with whether it is in the brackets. A doubled brace or bracket is
/// one of the name's own.
fn parts(text: &str) -> Result<Vec<(Part, bool)>, String> {
    let mut parts: Vec<(Part, bool)> = Vec::new();
    let (mut optional, mut closed) = (false, false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let doubled = matches!(c, '{' | '}' | '[' | ']') && characters.next_if_eq(&c).is_some();
        match c {
            '{' if !doubled => {
                let mut name = String::new();
                loop {
                    match characters.next() {
                        Some('}') => break,
                        Some(c) => name.push(c),
                        None => return Err("has a { without its }".to_owned()),
                    }
                }
                if !crate::name::is_identifier(&name) {
                    return Err(format!("has a placeholder `{name}`, which is not a valid name"));
                }
                parts.push((Part::Placeholder(name), optional));
            }
            '[' if !doubled && !closed && !optional => optional = true,
            '[' if !doubled => return Err("has several parts in brackets".to_owned()),
            ']' if !doubled && optional => (optional, closed) = (false, true),
            '}' | ']' if !doubled => return Err(format!("has an unmatched {c}")),
            fixed => match parts.last_mut() {
                Some((Part::Fixed(text), inside)) if *inside == optional => text.push(fixed),
                _ => parts.push((Part::Fixed(fixed.to_string()), optional)),
            },
        }
    }
    if optional {
        return Err("has a [ without its ]".to_owned());
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest<'n>(pattern: &str, names: &[&'n str]) -> &'n str {
        let editions = Editions::parse(pattern).unwrap();
        let of = |name: &str| editions.of(name).unwrap_or_else(|| panic!("{name}"));
        for name in names {
            assert_eq!(of(name).of, of(names[0]).of, "{name}");
        }
        names.iter().copied().max_by(|one, other| of(one).order(&of(other))).unwrap()
    }

    #[test]
    fn names_that_differ_in_the_version_are_editions_of_one() {
        let months = "sales_{period}_v{version}.csv";
        assert_eq!(
            newest(months, &["sales_2026-01_v2.csv", "sales_2026-01_v10.csv"]),
            "sales_2026-01_v10.csv"
        );
        assert_eq!(
            newest(months, &["sales_2026-01_v02.csv", "sales_2026-01_v1.csv"]),
            "sales_2026-01_v02.csv"
        );
        assert_eq!(newest(months, &["sales_1_v1.9.csv", "sales_1_v1.10.csv"]), "sales_1_v1.10.csv");
        assert_eq!(
            newest("{month}_as_of_{version}.csv", &["jan_as_of_2026-02-03.csv", "jan_as_of_2026-02-10.csv"]),
            "jan_as_of_2026-02-10.csv"
        );
        assert_eq!(
            newest("stock_r{version}.json", &["a/stock_rB.json", "a/stock_rA.json"]),
            "a/stock_rB.json"
        );
        let editions = Editions::parse(months).unwrap();
        let of = |name: &str| editions.of(name).map(|edition| edition.of);
        assert_ne!(of("sales_2026-01_v1.csv"), of("sales_2026-02_v1.csv"));
        assert_ne!(of("lyon/sales_2026-01_v1.csv"), of("nice/sales_2026-01_v1.csv"));
        assert_eq!(of("export.zip/sales_2026-01_v1.csv"), of("export.zip/sales_2026-01_v2.csv"));
        assert_eq!(of("sales_2026-01.csv"), None);
        assert_eq!(of("sales_2026-01_v.csv"), None);
    }

    #[test]
    fn the_first_edition_need_not_say_so() {
        let optional = "sales_{period}[ ({version})].csv";
        assert_eq!(
            newest(optional, &["sales_a.csv", "sales_a (1).csv", "sales_a (2).csv"]),
            "sales_a (2).csv"
        );
        assert_eq!(newest("s_{p}[_v{version}].csv", &["s_1.csv", "s_1_v1.csv"]), "s_1_v1.csv");
        assert_eq!(newest("s[[{p}]].{version}", &["s[1].2", "s[1].3"]), "s[1].3");
    }

    #[test]
    fn versions_that_say_the_same_are_equal() {
        let editions = Editions::parse("a{version}.csv").unwrap();
        let of = |name: &str| editions.of(name).unwrap();
        assert_eq!(of("a1.csv").order(&of("a01.csv")), Ordering::Equal);
        assert_eq!(of("a1b.csv").order(&of("a01a.csv")), Ordering::Greater);
    }

    #[test]
    fn a_pattern_that_cannot_be_meant_is_refused() {
        for (pattern, why) in [
            ("sales.csv", "has no {version}"),
            ("{version}{period}", "has nothing between {period} and the placeholder before it"),
            ("{a}_{a}_{version}", "has {a} twice"),
            ("{version", "has a { without its }"),
            ("{version}]", "has an unmatched ]"),
            ("[{version}", "has a [ without its ]"),
            ("[a]{version}", "has brackets without {version}"),
            ("a[_{b}_{version}]", "has {b} in brackets, where only {version} is allowed"),
            ("[{version}][a]", "has several parts in brackets"),
            ("{Année}_{version}", "has a placeholder `Année`, which is not a valid name"),
        ] {
            assert_eq!(Editions::parse(pattern).err().as_deref(), Some(why), "{pattern}");
        }
    }
}
