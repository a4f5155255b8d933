//! Names for segments that say where their customers lie among all.
//!
//! A segment is named after the columns in which its median lies furthest from the middle of all customers,
//! three at most, in the order in which the columns are declared: "frequent, rather small baskets, web share in
//! the top fifth". Each part is a claim about the median among the fifths of all ([`super::position`]), so no name
//! depends on what the other segments are like.
//!
//! A claim is made when it is true by a margin, and a name is kept from fit to fit for as long as each of its
//! claims is true at all and nothing that is clearly true is missing: a centroid that moves a little does not
//! rename its segment. Names are unique within a fit: those alike get their next most telling claim, and in
//! the end a number.

use std::collections::{BTreeMap, BTreeSet};

use super::position::{Place, Position};
use crate::mining::feature_words::Words;

const MOST_CLAIMS: usize = 3;
/// By how many customers of all a claim is true before it is made, and before it must be made.
const MADE: f64 = 0.05;
const MISSED: f64 = 0.1;
/// The name of a segment of which nothing can be said.
const NOTHING: &str = "nothing stands out";

/// That a segment's median of a column lies somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    pub column: String,
    pub place: Place,
}

/// What a segment is called, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    pub name: String,
    /// In the order in which they are said.
    pub claims: Vec<Claim>,
}

/// The columns of a segmentation in the order declared, and the words for them.
#[derive(Clone, Copy)]
pub struct Vocabulary<'a> {
    pub columns: &'a [String],
    pub words: &'a BTreeMap<String, Words>,
}

/// Returns a name for each segment, unique among them and different from those `taken`; `positions` are by
/// segment and column. `previous` are the names that the segments had, where they are the same ones.
pub fn names(
    vocabulary: Vocabulary,
    positions: &[Vec<Option<Position>>],
    previous: &[Named],
    taken: &[String],
) -> Vec<Named> {
    let kept: Vec<Option<&Named>> = (0..positions.len())
        .map(|segment| {
            previous.get(segment).filter(|named| {
                vocabulary.still_says(named)
                    && vocabulary.holds(named, &positions[segment])
                    && !taken.contains(&named.name)
            })
        })
        .collect();
    let mut chosen: Vec<Vec<Claim>> = positions
        .iter()
        .zip(&kept)
        .map(|(positions, kept)| match kept {
            Some(named) => named.claims.clone(),
            None => vocabulary.claims(positions, MADE).into_iter().take(MOST_CLAIMS).collect(),
        })
        .collect();
    let phrase = |segment: usize, claims: &[Claim]| match kept[segment] {
        Some(named) => named.name.clone(),
        None => vocabulary.phrase(claims),
    };
    loop {
        let phrases: Vec<String> =
            chosen.iter().enumerate().map(|(segment, claims)| phrase(segment, claims)).collect();
        let mut added = false;
        for segment in (0..phrases.len()).filter(|segment| kept[*segment].is_none()) {
            if phrases.iter().filter(|other| **other == phrases[segment]).count() < 2 {
                continue;
            }
            let mut more = vocabulary.claims(&positions[segment], 0.0).into_iter();
            if let Some(next) =
                more.find(|claim| chosen[segment].iter().all(|said| said.column != claim.column))
            {
                chosen[segment].push(next);
                added = true;
            }
        }
        if !added {
            let kept: Vec<bool> = kept.iter().map(Option::is_some).collect();
            return vocabulary.numbered(phrases, chosen, &kept, taken);
        }
    }
}

impl Vocabulary<'_> {
    /// What is true of a segment by the margin, the most telling first; ties in the order declared. Columns of
    /// declared words come before others, and where any are declared only these may be said by a margin.
    fn claims(&self, positions: &[Option<Position>], margin: f64) -> Vec<Claim> {
        let mut found: Vec<(bool, f64, Claim)> = self
            .columns
            .iter()
            .zip(positions)
            .filter_map(|(column, position)| {
                let position = (*position)?;
                let claim = Claim { column: column.clone(), place: position.place(margin)? };
                let declared = self.words.contains_key(column);
                let is_said = declared || self.words.is_empty() || margin == 0.0;
                (is_said && !self.word(&claim).is_empty()).then(|| (declared, position.distance(), claim))
            })
            .collect();
        found.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
        found.into_iter().map(|(.., claim)| claim).collect()
    }

    fn word(&self, claim: &Claim) -> String {
        let of_noun = |noun: &str| format!("{noun} {}", claim.place);
        match self.words.get(&claim.column) {
            None => of_noun(&claim.column.replace('_', " ")),
            Some(Words::Noun(noun)) if noun.is_empty() => String::new(),
            Some(Words::Noun(noun)) => of_noun(noun),
            Some(Words::LowHigh([low, high])) => {
                let word = if claim.place.is_high() { high } else { low };
                if word.is_empty() || claim.place.is_outer() {
                    word.clone()
                } else {
                    format!("rather {word}")
                }
            }
        }
    }

    fn phrase(&self, claims: &[Claim]) -> String {
        if claims.is_empty() {
            return NOTHING.to_owned();
        }
        let said: Vec<String> = self.in_order(claims).iter().map(|claim| self.word(claim)).collect();
        said.join(", ")
    }

    fn in_order(&self, claims: &[Claim]) -> Vec<Claim> {
        let mut ordered = claims.to_vec();
        ordered.sort_by_key(|claim| self.columns.iter().position(|column| *column == claim.column));
        ordered
    }

    /// Whether the words of today make the same name of the claims, but for a number.
    fn still_says(&self, named: &Named) -> bool {
        let phrase = self.phrase(&named.claims);
        named.name.strip_prefix(&phrase).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
    }

    /// Whether a name is still true and misses nothing that is clearly true.
    fn holds(&self, named: &Named, positions: &[Option<Position>]) -> bool {
        let of = |column: &str| {
            let index = self.columns.iter().position(|name| name == column)?;
            positions.get(index).copied().flatten()
        };
        let said = |claim: &Claim| named.claims.iter().find(|said| said.column == claim.column);
        let is_true = named.claims.iter().all(|c| of(&c.column).is_some_and(|p| p.is(c.place, 0.0)));
        let clear = self.claims(positions, MISSED);
        let misses = clear.iter().take(MOST_CLAIMS).any(|claim| match said(claim) {
            Some(said) => claim.place.is_outer() && !said.place.is_outer(),
            None => named.claims.len() < MOST_CLAIMS,
        });
        is_true && !misses
    }

    /// Gives a number to names that are taken; names that were kept have them first.
    fn numbered(
        &self,
        phrases: Vec<String>,
        claims: Vec<Vec<Claim>>,
        kept: &[bool],
        taken: &[String],
    ) -> Vec<Named> {
        let kept_names = phrases.iter().zip(kept).filter(|(_, kept)| **kept).map(|(phrase, _)| phrase);
        let mut used: BTreeSet<String> = taken.iter().chain(kept_names).cloned().collect();
        phrases
            .into_iter()
            .zip(claims)
            .zip(kept)
            .map(|((phrase, claims), kept)| {
                let mut name = phrase.clone();
                let mut number = 1;
                while !kept && !used.insert(name.clone()) {
                    number += 1;
                    name = format!("{phrase} ({number})");
                }
                Named { name, claims: self.in_order(&claims) }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<String> {
        ["orders", "value", "share_web", "recency_days"].map(str::to_owned).into()
    }

    fn words() -> BTreeMap<String, Words> {
        let pair = |low: &str, high: &str| Words::LowHigh([low.to_owned(), high.to_owned()]);
        [
            ("orders", pair("rare", "frequent")),
            ("value", Words::Noun("value".to_owned())),
            ("share_web", pair("", "on the web")),
            ("recency_days", pair("bought recently", "long absent")),
        ]
        .map(|(column, words)| (column.to_owned(), words))
        .into()
    }

    /// Positions of distinct values at these ranks.
    fn at(ranks: [f64; 4]) -> Vec<Option<Position>> {
        ranks.map(|rank| Some(Position { below: rank, above: 1.0 - rank })).into()
    }

    fn named(positions: &[Vec<Option<Position>>], previous: &[Named]) -> Vec<Named> {
        names(Vocabulary { columns: &columns(), words: &words() }, positions, previous, &[])
    }

    fn texts(named: &[Named]) -> Vec<&str> {
        named.iter().map(|named| named.name.as_str()).collect()
    }

    #[test]
    fn a_name_says_where_the_median_lies_among_all_in_the_declared_order() {
        let found = named(&[at([0.7, 0.9, 0.95, 0.5]), at([0.1, 0.4, 0.05, 0.9]), at([0.5; 4])], &[]);
        assert_eq!(
            texts(&found),
            [
                "rather frequent, value in the top fifth, on the web",
                "rare, long absent",
                "nothing stands out"
            ]
        );
        let plain = names(
            Vocabulary { columns: &columns(), words: &BTreeMap::new() },
            &[at([0.5, 0.1, 0.5, 0.7])],
            &[],
            &[],
        );
        assert_eq!(texts(&plain), ["value in the bottom fifth, recency days in the upper two fifths"]);
    }

    #[test]
    fn of_many_the_most_telling_are_said() {
        let found = named(&[at([0.9, 0.99, 0.97, 0.05])], &[]);
        assert_eq!(texts(&found), ["value in the top fifth, on the web, bought recently"]);
    }

    #[test]
    fn segments_below_the_middle_are_never_called_high_whatever_the_others_are() {
        for rank in 0..=60 {
            let rank = f64::from(rank) / 100.0;
            let found = named(&[at([rank, rank, 0.5, 0.5]), at([0.0, 0.0, 0.5, 0.5])], &[]);
            assert!(!found[0].name.contains("frequent") && !found[0].name.contains("top"), "{found:?}");
        }
    }

    #[test]
    fn segments_alike_are_told_apart_and_in_the_end_numbered() {
        // Value of .62 is too near to the border to be said unless it must.
        let found =
            named(&[at([0.9, 0.62, 0.5, 0.5]), at([0.9, 0.38, 0.5, 0.5]), at([0.9, 0.62, 0.5, 0.5])], &[]);
        assert_eq!(
            texts(&found),
            [
                "frequent, value in the upper two fifths",
                "frequent, value in the lower two fifths",
                "frequent, value in the upper two fifths (2)"
            ]
        );
    }

    #[test]
    fn a_name_is_kept_while_it_is_true_and_misses_nothing_clear() {
        let first = named(&[at([0.86, 0.5, 0.5, 0.5])], &[]);
        assert_eq!(texts(&first), ["frequent"]);
        // Two in a hundred below what would be named so anew.
        let near = named(&[at([0.81, 0.66, 0.5, 0.5])], &first);
        assert_eq!(texts(&near), ["frequent"]);
        assert_eq!(
            texts(&named(&[at([0.81, 0.66, 0.5, 0.5])], &[])),
            ["rather frequent, value in the upper two fifths"]
        );
        // What is not true is not said any more, and what is clear is said.
        assert_eq!(texts(&named(&[at([0.79, 0.5, 0.5, 0.5])], &near)), ["rather frequent"]);
        assert_eq!(
            texts(&named(&[at([0.86, 0.75, 0.5, 0.5])], &near)),
            ["frequent, value in the upper two fifths"]
        );
        // Other words make other names.
        let mut other = words();
        other.insert("orders".to_owned(), Words::Noun("orders".to_owned()));
        let renamed = names(
            Vocabulary { columns: &columns(), words: &other },
            &[at([0.86, 0.5, 0.5, 0.5])],
            &first,
            &[],
        );
        assert_eq!(texts(&renamed), ["orders in the top fifth"]);
    }

    #[test]
    fn no_name_is_given_twice_nor_one_that_is_taken() {
        let alike = at([0.9, 0.5, 0.5, 0.5]);
        let first = named(&[alike.clone(), alike.clone()], &[]);
        assert_eq!(texts(&first), ["frequent", "frequent (2)"]);
        // The first has become another: the second keeps its number.
        let second = named(&[at([0.1, 0.5, 0.5, 0.5]), alike.clone()], &first);
        assert_eq!(texts(&second), ["rare", "frequent (2)"]);
        let beside = names(
            Vocabulary { columns: &columns(), words: &words() },
            std::slice::from_ref(&alike),
            &[],
            &["frequent".to_owned()],
        );
        assert_eq!(texts(&beside), ["frequent (2)"]);
    }
}
