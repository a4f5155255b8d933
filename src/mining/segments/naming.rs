//! Names for segments that say how their customers differ from the average.
//!
//! A segment is named after the columns in which its centroid lies furthest from the mean of all
//! (at least half a standard deviation, three columns at most), in the order in which the columns
//! are declared: "frequent, high value, web". Words come from the declaration; when it gives none,
//! "low …" and "high …" and the column's name serve. Names are unique within a fit: those alike get
//! their next most distinct trait, and in the end a number.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array2, ArrayView1};

const MOST_TRAITS: usize = 3;
/// Standard deviations from the mean that are worth a word, and that may tell two alike apart.
const WORTH_A_WORD: f64 = 0.5;
const TELLS_APART: f64 = 0.2;

/// A word about one column of one centroid.
#[derive(Debug, Clone)]
struct Trait {
    column: usize,
    distance: f64,
    word: String,
    declared: bool,
}

/// A name for each centroid (clusters × columns, standardised), unique among them.
pub fn names(
    columns: &[String],
    centroids: &Array2<f64>,
    words: &BTreeMap<String, [String; 2]>,
) -> Vec<String> {
    let traits: Vec<Vec<Trait>> = centroids.rows().into_iter().map(|c| traits(columns, c, words)).collect();
    let mut chosen: Vec<Vec<Trait>> = traits
        .iter()
        .map(|all| {
            let mut said = BTreeSet::new();
            all.iter()
                .filter(|t| t.distance >= WORTH_A_WORD && (t.declared || words.is_empty()))
                .filter(|t| said.insert(t.word.clone()))
                .take(MOST_TRAITS)
                .cloned()
                .collect()
        })
        .collect();
    loop {
        let names: Vec<String> = chosen.iter().map(|traits| phrase(traits)).collect();
        let mut added = false;
        for segment in 0..names.len() {
            if names.iter().filter(|name| **name == names[segment]).count() < 2 {
                continue;
            }
            let next = traits[segment].iter().find(|t| {
                t.distance >= TELLS_APART
                    && chosen[segment].iter().all(|c| c.word != t.word && c.column != t.column)
            });
            if let Some(next) = next.cloned() {
                chosen[segment].push(next);
                added = true;
            }
        }
        if !added {
            return numbered(names);
        }
    }
}

/// What can be said of a centroid, the furthest from the mean first.
fn traits(
    columns: &[String],
    centroid: ArrayView1<f64>,
    words: &BTreeMap<String, [String; 2]>,
) -> Vec<Trait> {
    let mut traits: Vec<Trait> = columns
        .iter()
        .zip(centroid)
        .enumerate()
        .filter_map(|(column, (name, z))| {
            let declared = words.get(name);
            let word = match declared {
                Some([low, high]) => (if *z < 0.0 { low } else { high }).clone(),
                None => format!("{} {}", if *z < 0.0 { "low" } else { "high" }, name.replace('_', " ")),
            };
            (!word.is_empty()).then_some(Trait {
                column,
                distance: z.abs(),
                word,
                declared: declared.is_some(),
            })
        })
        .collect();
    // Declared words first among those that may tell segments apart; the sort is stable.
    traits.sort_by(|a, b| b.declared.cmp(&a.declared).then(b.distance.total_cmp(&a.distance)));
    traits
}

fn phrase(traits: &[Trait]) -> String {
    if traits.is_empty() {
        return "average".to_owned();
    }
    let mut ordered: Vec<&Trait> = traits.iter().collect();
    ordered.sort_by_key(|t| t.column);
    ordered.iter().map(|t| t.word.as_str()).collect::<Vec<_>>().join(", ")
}

fn numbered(names: Vec<String>) -> Vec<String> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let mut taken: BTreeSet<String> = names.iter().cloned().collect();
    names
        .into_iter()
        .map(|name| {
            let time = times.entry(name.clone()).or_default();
            *time += 1;
            if *time == 1 {
                return name;
            }
            // A declared word may itself look like a number.
            loop {
                let candidate = format!("{name} ({time})");
                if taken.insert(candidate.clone()) {
                    return candidate;
                }
                *time += 1;
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn columns() -> Vec<String> {
        ["orders", "value", "share_web", "recency_days"].map(str::to_owned).into()
    }

    fn words() -> BTreeMap<String, [String; 2]> {
        let pair = |low: &str, high: &str| [low.to_owned(), high.to_owned()];
        [
            ("orders", pair("rare", "frequent")),
            ("value", pair("low value", "high value")),
            ("share_web", pair("", "web")),
            ("recency_days", pair("recent", "dormant")),
        ]
        .map(|(column, pair)| (column.to_owned(), pair))
        .into()
    }

    #[test]
    fn a_name_says_what_is_far_from_average_in_the_declared_order() {
        let centroids = array![[0.9, 1.4, 2.0, 0.1], [-0.7, 0.0, -2.0, 1.5], [0.1, 0.0, -0.4, 0.3]];
        assert_eq!(
            names(&columns(), &centroids, &words()),
            ["frequent, high value, web", "rare, dormant", "average"]
        );
        assert_eq!(
            names(&columns(), &centroids, &BTreeMap::new())[1],
            "low orders, low share web, high recency days"
        );
    }

    #[test]
    fn segments_alike_are_told_apart_and_in_the_end_numbered() {
        let centroids = array![[1.0, 0.3, 0.0, 0.0], [1.0, -0.4, 0.0, 0.0], [1.0, 0.3, 0.0, 0.0]];
        assert_eq!(
            names(&columns(), &centroids, &words()),
            ["frequent, high value", "frequent, low value", "frequent, high value (2)"]
        );
    }
}
