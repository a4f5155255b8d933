//! Small damage to bytes and to texts.

use proptest::collection::vec;
use proptest::prelude::*;

/// One piece of damage; places are shares of the length, so that they fit inputs of any length.
#[derive(Debug, Clone)]
pub enum Damage {
    Flip { at: f64, mask: u8 },
    Put { at: f64, byte: u8 },
    Insert { at: f64, bytes: Vec<u8> },
    Delete { at: f64, count: usize },
    Repeat { at: f64, count: usize },
    Cut { at: f64 },
}

/// Up to `most` pieces of damage; often none. `near_end` is the share that hits the last tenth.
pub fn damage(most: usize, letters: &'static [u8], near_end: f64) -> impl Strategy<Value = Vec<Damage>> {
    let at = (0.0..1.0f64, 0.0..1.0f64)
        .prop_map(move |(place, draw)| if draw < near_end { 0.9 + place / 10.0 } else { place });
    let byte = prop_oneof![3 => proptest::sample::select(letters), 1 => any::<u8>()];
    let one = prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, mask)| Damage::Flip { at, mask }),
        (at.clone(), byte.clone()).prop_map(|(at, byte)| Damage::Put { at, byte }),
        (at.clone(), vec(byte, 1..6)).prop_map(|(at, bytes)| Damage::Insert { at, bytes }),
        (at.clone(), 1..12usize).prop_map(|(at, count)| Damage::Delete { at, count }),
        (at.clone(), 1..40usize).prop_map(|(at, count)| Damage::Repeat { at, count }),
        at.prop_map(|at| Damage::Cut { at }),
    ];
    prop_oneof![1 => Just(Vec::new()), 3 => vec(one, 1..=most.max(1))]
}

pub fn damaged(mut bytes: Vec<u8>, all: &[Damage]) -> Vec<u8> {
    for one in all {
        let place = |at: f64| ((bytes.len() as f64 * at) as usize).min(bytes.len());
        match one {
            Damage::Flip { at, mask } => {
                let at = place(*at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= mask;
                }
            }
            Damage::Put { at, byte } => {
                let at = place(*at);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Damage::Insert { at, bytes: more } => {
                let at = place(*at);
                bytes.splice(at..at, more.iter().copied());
            }
            Damage::Delete { at, count } => {
                let at = place(*at);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Damage::Repeat { at, count } => {
                let at = place(*at);
                let again = bytes[at..(at + count).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
            Damage::Cut { at } => {
                let at = place(*at);
                bytes.truncate(at);
            }
        }
    }
    bytes
}

/// Damage to a text in words of its language.
#[derive(Debug, Clone)]
pub enum Slip {
    /// A word of the text, or of the vocabulary, instead of another.
    Replace {
        at: f64,
        with: f64,
        foreign: bool,
    },
    Delete {
        at: f64,
        count: usize,
    },
    Repeat {
        at: f64,
        count: usize,
    },
    Swap {
        at: f64,
        other: f64,
    },
    Letters {
        at: f64,
        text: String,
    },
    Cut {
        at: f64,
    },
}

pub fn slips(most: usize) -> impl Strategy<Value = Vec<Slip>> {
    let at = || 0.0..1.0f64;
    let one = prop_oneof![
        4 => (at(), at(), any::<bool>()).prop_map(|(at, with, foreign)| Slip::Replace { at, with, foreign }),
        2 => (at(), 1..4usize).prop_map(|(at, count)| Slip::Delete { at, count }),
        2 => (at(), 1..8usize).prop_map(|(at, count)| Slip::Repeat { at, count }),
        1 => (at(), at()).prop_map(|(at, other)| Slip::Swap { at, other }),
        2 => (at(), "(?s).{0,3}").prop_map(|(at, text)| Slip::Letters { at, text }),
        1 => at().prop_map(|at| Slip::Cut { at }),
    ];
    prop_oneof![1 => Just(Vec::new()), 6 => vec(one, 1..=most)]
}

/// The text with the slips in it; `foreign` are words that the text's language knows.
pub fn slipped(text: &str, slips: &[Slip], foreign: &[&str]) -> String {
    let mut words: Vec<String> = words(text);
    for slip in slips {
        let place = |at: f64| (words.len() as f64 * at) as usize;
        if words.is_empty() {
            break;
        }
        match slip {
            Slip::Replace { at, with, foreign: true } if !foreign.is_empty() => {
                let at = place(*at);
                words[at] = foreign[(foreign.len() as f64 * with) as usize].to_owned();
            }
            Slip::Replace { at, with, .. } => {
                let (at, with) = (place(*at), place(*with));
                words[at] = words[with].clone();
            }
            Slip::Delete { at, count } => {
                let at = place(*at);
                words.drain(at..(at + count).min(words.len()));
            }
            Slip::Repeat { at, count } => {
                let at = place(*at);
                let again = words[at..(at + count).min(words.len())].to_vec();
                words.splice(at..at, again);
            }
            Slip::Swap { at, other } => {
                let (at, other) = (place(*at), place(*other));
                words.swap(at, other);
            }
            Slip::Letters { at, text } => {
                let at = place(*at);
                words[at].push_str(text);
            }
            Slip::Cut { at } => {
                let at = place(*at);
                words.truncate(at);
            }
        }
    }
    words.concat()
}

/// Runs of letters and digits, runs of blanks, and every other sign on its own.
fn words(text: &str) -> Vec<String> {
    let kind = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            1
        } else if c == ' ' {
            2
        } else {
            0
        }
    };
    let mut words: Vec<String> = Vec::new();
    let mut last = 0;
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if kind(c) != 0 && kind(c) == last => word.push(c),
            _ => words.push(c.to_string()),
        }
        last = kind(c);
    }
    words
}
