//! Who is on a list and why, worked out over the rows in plain Rust.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::audience::{Drawn, Rank, Reach, Rules};
use super::condition::total_amount;
use super::world::{Bounce, Person, Word, World};

/// What was decided about one customer.
#[derive(Debug)]
pub struct Decision {
    pub position: usize,
    pub reason: String,
    pub score: Option<f64>,
    pub rank: Option<usize>,
    pub unknown: String,
}

impl Decision {
    /// As the binary wrote it.
    pub fn found(cells: &[String]) -> Decision {
        Decision {
            position: cells[0].parse().unwrap(),
            reason: cells[1].clone(),
            score: (!cells[2].is_empty()).then(|| cells[2].parse().unwrap()),
            rank: (!cells[3].is_empty()).then(|| cells[3].parse().unwrap()),
            unknown: cells[4].clone(),
        }
    }

    pub fn agrees(&self, other: &Decision) -> bool {
        let same_score = match (self.score, other.score) {
            (Some(one), Some(other)) => one == other || one.is_nan() && other.is_nan(),
            (one, other) => one.is_none() && other.is_none(),
        };
        same_score
            && (self.position, &self.reason, self.rank, &self.unknown)
                == (other.position, &other.reason, other.rank, &other.unknown)
    }
}

/// What a customer ranks by: numbers are compared as what they are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Worth {
    Whole(i64),
    Float(f64),
}

impl Worth {
    fn finite(self) -> bool {
        match self {
            Worth::Whole(_) => true,
            Worth::Float(float) => float.is_finite(),
        }
    }

    fn above(self, other: Worth) -> Ordering {
        match (self, other) {
            (Worth::Whole(one), Worth::Whole(other)) => other.cmp(&one),
            (Worth::Float(one), Worth::Float(other)) => other.partial_cmp(&one).unwrap(),
            _ => unreachable!("an audience ranks by one type"),
        }
    }
}

/// The worth, and the score that is shown of it.
fn worth(world: &World, drawn: &Drawn, person: &Person) -> Option<(Worth, f64)> {
    let whole = |n: i64| (Worth::Whole(n), n as f64);
    let quarters = |n: i64| (Worth::Whole(n), n as f64 / 4.0);
    match drawn.rank {
        Rank::Orders => person.orders.map(whole),
        Rank::Net => person.net.map(quarters),
        Rank::MinusNet => person.net.map(|n| quarters(-n)),
        Rank::Big => person.big.map(whole),
        Rank::Constant => Some(whole(1)),
        Rank::Score => world.scores.iter().find(|s| s.id == person.id).and_then(|s| s.score).map(quarters),
        Rank::TotalAmount => total_amount(world, person).map(whole),
        Rank::Ratio => {
            let ratio = match person.odd {
                Some("inf") => Some(f64::INFINITY),
                Some("minus") => Some(f64::NEG_INFINITY),
                Some("nan") => Some(f64::NAN),
                Some(_) => Some(0.0),
                None => person.net.map(|n| n as f64 / 4.0 / 8.0),
            };
            ratio.map(|ratio| (Worth::Float(ratio), ratio))
        }
    }
}

/// The decisions about all customers.
pub fn decide(world: &World, drawn: &Drawn) -> BTreeMap<String, Decision> {
    let reasons = reasons(world, drawn);
    let reach_lines = reach_reasons(world, drawn).len();
    let [null, infinite, beyond, control, listed] = [5, 4, 3, 2, 1].map(|from_end| reasons.len() - from_end);
    let rules = drawn.rules.conditions();
    let mut decisions = BTreeMap::new();
    let mut able: Vec<(Worth, &Person)> = Vec::new();
    for person in &world.people {
        let mut unknown = Vec::new();
        let mut off = None;
        for (n, condition) in rules.iter().chain(&drawn.exclusions).enumerate() {
            let truth = condition.holds(world, person);
            if truth.is_none() {
                unknown.push(reasons[n + 1].clone());
            }
            let passes = if n < rules.len() { truth == Some(true) } else { truth != Some(true) };
            if !passes {
                off = Some(n + 1);
                break;
            }
        }
        let worth = worth(world, drawn, person);
        let asks = drawn.consent.as_deref();
        if off.is_none() && asks.is_some_and(|purposes| !agreed(world, drawn.channel, purposes, person)) {
            off = Some(null - reach_lines - 1);
        }
        if off.is_none() {
            let (nth, truth) = reached(world, drawn, person);
            if let Some(nth) = nth {
                off = Some(null - reach_lines + nth);
                if truth.is_none() {
                    unknown.push(reasons[null - reach_lines + nth].clone());
                }
            }
        }
        let off = off.or(match worth {
            None => Some(null),
            Some((worth, _)) if !worth.finite() => Some(infinite),
            Some((worth, _)) => {
                able.push((worth, person));
                None
            }
        });
        // Who is off for a condition ranks nowhere either.
        if off.is_some() {
            able.retain(|(_, other)| other.id != person.id);
        }
        let position = off.unwrap_or(listed);
        decisions.insert(
            person.id.clone(),
            Decision {
                position,
                reason: String::new(),
                score: worth.filter(|(worth, _)| worth.finite()).map(|(_, score)| score),
                rank: None,
                unknown: unknown.join("; "),
            },
        );
    }
    able.sort_by(|(one, a), (other, b)| one.above(*other).then_with(|| a.id.cmp(&b.id)));
    for (n, (_, person)) in able.iter().enumerate() {
        let decision = decisions.get_mut(&person.id).unwrap();
        decision.rank = Some(n + 1);
        decision.position = if drawn.limit.is_some_and(|limit| n >= limit) {
            beyond
        } else if kept_back(drawn, person) {
            control
        } else {
            listed
        };
    }
    for decision in decisions.values_mut() {
        decision.reason.clone_from(&reasons[decision.position]);
    }
    decisions
}

fn reasons(world: &World, drawn: &Drawn) -> Vec<String> {
    let mut reasons = vec!["base".to_owned()];
    match &drawn.rules {
        Rules::One(_) => reasons.push("outside the rule".to_owned()),
        Rules::Plain(all) => reasons.extend(all.iter().map(|c| format!("outside the rule: {}", c.sql()))),
        Rules::Named(all) => reasons.extend((0..all.len()).map(|n| format!("not meant {n}"))),
    }
    reasons.extend((0..drawn.exclusions.len()).map(|n| format!("excluded {n}")));
    match drawn.consent.as_deref() {
        None => {}
        Some([]) => reasons.push(format!("no consent for {}", drawn.channel)),
        Some(purposes) => reasons.push(format!("no consent for {}: {}", drawn.channel, purposes.join(", "))),
    }
    reasons.extend(reach_reasons(world, drawn));
    for last in [
        "no rank: the ranking expression is null",
        "no rank: the ranking expression is infinite or no number",
        "beyond the limit",
        "control group",
        "on the list",
    ] {
        reasons.push(last.to_owned());
    }
    reasons
}

/// The latest word for each purpose is a yes, and no careless no is as late.
fn agreed(world: &World, channel: &str, purposes: &[&str], person: &Person) -> bool {
    let letters = |text: &str| text.to_lowercase().replace('-', "");
    let means =
        |found: Option<&str>, wanted: &str| found.is_none_or(|found| letters(found) == letters(wanted));
    let agreed = |purpose: Option<&str>| {
        let counts = |word: &&Word| {
            let exactly = word.channel == Some(channel) && purpose.is_none_or(|p| word.purpose == Some(p));
            let carelessly =
                means(word.channel, channel) && purpose.is_none_or(|purpose| means(word.purpose, purpose));
            word.customer.as_ref() == Some(&person.id)
                && word.day < 0
                && (exactly || carelessly && word.granted != Some(true))
        };
        let words: Vec<&Word> = world.words.iter().filter(counts).collect();
        let latest = words.iter().map(|word| word.day).max();
        latest.is_some_and(|day| words.iter().filter(|w| w.day == day).all(|w| w.granted == Some(true)))
    };
    match purposes {
        [] => agreed(None),
        purposes => purposes.iter().all(|purpose| agreed(Some(purpose))),
    }
}

/// What a campaign of the audience is sent to.
fn address_kind(drawn: &Drawn) -> Option<&'static str> {
    match (&drawn.reach, drawn.channel) {
        (Reach::Usual, "email") => Some("email"),
        (Reach::Usual, "post") => Some("post"),
        (Reach::Phone, _) => Some("phone"),
        (Reach::Mobile, _) => Some("mobile"),
        _ => None,
    }
}

fn reach_reasons(world: &World, drawn: &Drawn) -> Vec<String> {
    if let Reach::Condition(_) = drawn.reach {
        return vec![format!("cannot be reached by {}", drawn.channel)];
    }
    let (lacking, bounced) = match address_kind(drawn) {
        None => return Vec::new(),
        Some("email") => ("no usable e-mail address", "e-mail address bounced"),
        Some("post") => ("no complete postal address", "letters came back from the address"),
        Some("phone") => ("no usable telephone number", "telephone number out of service"),
        Some(_) => ("no usable mobile number", "telephone number out of service"),
    };
    let bounced = world.bounces.is_some().then_some(bounced);
    [Some(lacking), bounced].into_iter().flatten().map(str::to_owned).collect()
}

/// Which line of the reach takes the person off, and what its condition is.
fn reached(world: &World, drawn: &Drawn, person: &Person) -> (Option<usize>, Option<bool>) {
    if let Reach::Condition(condition) = &drawn.reach {
        let truth = condition.holds(world, person);
        return ((truth != Some(true)).then_some(0), truth);
    }
    let Some(kind) = address_kind(drawn) else { return (None, Some(true)) };
    let usable = match kind {
        "email" => person.email.as_ref().is_some_and(|email| email.contains('@')),
        "phone" => person.phone.is_some_and(|(_, calls, _)| calls),
        "mobile" => person.phone.is_some_and(|(_, _, texts)| texts),
        _ => person.address.iter().all(|part| part.is_some_and(|part| part != "-")),
    };
    if !usable {
        return (Some(0), Some(false));
    }
    let bounced = world.bounces.iter().flatten().filter(|bounce| bounce.day < 0);
    let mut bounced = bounced.filter(|bounce| came_back(bounce, kind, person));
    (bounced.next().map(|_| 1), Some(false))
}

fn came_back(bounce: &Bounce, kind: &str, person: &Person) -> bool {
    let Some((channel, address)) = bounce.channel.zip(bounce.address.as_ref()) else { return false };
    let plain = |text: &str| text.trim().to_lowercase();
    match kind {
        "email" => {
            ["email", "E-Mail"].contains(&channel)
                && person.email.as_ref().is_some_and(|e| plain(e) == plain(address))
        }
        "post" => {
            let parts: Vec<&str> = person.address.iter().flatten().copied().collect();
            channel == "post" && plain(&parts.join(" ")) == plain(address)
        }
        // The one number that came back, as it is written elsewhere.
        _ => {
            ["phone", "sms"].contains(&channel)
                && address == "+33 612.345.678"
                && person.phone.is_some_and(|(number, ..)| number == "+33 6 12 34 56 78")
        }
    }
}

fn kept_back(drawn: &Drawn, person: &Person) -> bool {
    let digest = Sha256::digest(format!("{}:{}:{}", drawn.salt.unwrap_or(""), drawn.name, person.id));
    let first = u64::from_be_bytes(digest[..8].try_into().unwrap());
    first < (drawn.control * 2f64.powi(64)) as u64
}

/// The rows of the list: `audience, customer_id, channel, rank, is_control`.
pub fn list(drawn: &Drawn, decisions: &BTreeMap<String, Decision>) -> Vec<Vec<String>> {
    decisions
        .iter()
        .filter(|(_, decision)| ["on the list", "control group"].contains(&decision.reason.as_str()))
        .map(|(customer, decision)| {
            vec![
                drawn.name.clone(),
                customer.clone(),
                drawn.channel.to_owned(),
                decision.rank.unwrap().to_string(),
                (decision.reason == "control group").to_string(),
            ]
        })
        .collect()
}

/// The lines of the waterfall: `position, reason, customers`.
pub fn waterfall(world: &World, drawn: &Drawn, decisions: &BTreeMap<String, Decision>) -> Vec<Vec<String>> {
    let lines = reasons(world, drawn).into_iter().enumerate();
    lines
        .map(|(position, reason)| {
            let customers = match position {
                0 => decisions.len(),
                _ => decisions.values().filter(|d| d.position == position).count(),
            };
            vec![position.to_string(), reason, customers.to_string()]
        })
        .collect()
}

/// What the trial came to try.
pub fn count(
    drawn: &Drawn,
    decisions: &BTreeMap<String, Decision>,
    message: &mut BTreeMap<&'static str, usize>,
) {
    *message.entry("decisions").or_default() += decisions.len();
    let conditions = drawn.rules.conditions().len() + drawn.exclusions.len();
    for decision in decisions.values() {
        let what = match decision.reason.as_str() {
            "on the list" => "on a list",
            "control group" => "control group",
            "beyond the limit" => "beyond the limit",
            reason if reason.starts_with("no consent") => "off for consent",
            reason if reason.starts_with("no rank") => "without a rank",
            reason if reason.starts_with("no ") || reason.starts_with("cannot") => "off without an address",
            "e-mail address bounced"
            | "telephone number out of service"
            | "letters came back from the address" => "off for a bounce",
            _ if decision.position <= conditions => "off by a condition",
            _ => unreachable!("{}", decision.reason),
        };
        *message.entry(what).or_default() += 1;
        if !decision.unknown.is_empty() {
            *message.entry("something not known").or_default() += 1;
        }
    }
}
