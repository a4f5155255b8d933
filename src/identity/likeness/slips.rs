//! Counts the typing errors between two texts, up to three.
//!
//! Millions of pairs are compared, and nearly all are far apart. Whether there are at most two errors is
//! found from a band of five cells per character, mostly after the first few characters; the full distance
//! would compare all characters with all.

/// Three slips or more.
const MANY: u8 = 3;

/// Characters inserted, lost or replaced and neighbours changed about: the distance of Damerau (1964) and
/// Levenshtein (1966), 3 where it is larger.
pub fn slips(a: &str, b: &str) -> u8 {
    if a == b {
        0
    } else if a.is_ascii() && b.is_ascii() {
        counted(a.as_bytes(), b.as_bytes())
    } else {
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        counted(&chars(a), &chars(b))
    }
}

/// Returns the same for the parts before the `@` of two e-mail addresses.
pub(super) fn mailbox_slips(a: &str, b: &str) -> u8 {
    let mailbox = |email: &str| email.split_once('@').map_or(email.len(), |(mailbox, _)| mailbox.len());
    slips(&a[..mailbox(a)], &b[..mailbox(b)])
}

fn counted<T: PartialEq>(a: &[T], b: &[T]) -> u8 {
    let (a, b) = without_common_ends(a, b);
    if a.len().abs_diff(b.len()) >= usize::from(MANY) {
        return MANY;
    }
    // Cell (i, j) is the distance of the first i of `a` and the first j of `b`. More than two off the
    // diagonal it is at least three: of row i the cells j = i - 2 .. i + 2 are kept, at 1 to 5, three
    // on either side.
    let mut rows = [[MANY; 7]; 4];
    rows[0][3..6].copy_from_slice(&[0, 1, 2]);
    for i in 1..=a.len() {
        let [before, second, third] = [1, 2, 3].map(|back| rows[(i + 4 - back) % 4]);
        let mut row = [MANY; 7];
        for cell in 1..6 {
            let Some(j) = (i + cell).checked_sub(3).filter(|j| *j <= b.len()) else { continue };
            if j == 0 {
                row[cell] = (i as u8).min(MANY);
                continue;
            }
            let (x, y) = (&a[i - 1], &b[j - 1]);
            let mut least =
                (before[cell] + u8::from(x != y)).min(before[cell + 1] + 1).min(row[cell - 1] + 1);
            // Changed about, as they are or with one character lost or inserted between.
            let met = |back_in_a: usize, back_in_b: usize| {
                i > back_in_a && j > back_in_b && *x == b[j - 1 - back_in_b] && a[i - 1 - back_in_a] == *y
            };
            if met(1, 1) {
                least = least.min(second[cell] + 1);
            }
            if met(2, 1) {
                least = least.min(third[cell + 1] + 2);
            }
            if met(1, 2) {
                least = least.min(second[cell - 1] + 2);
            }
            row[cell] = least.min(MANY);
        }
        // From two rows without hope there is no way back.
        if [row, before].iter().flatten().all(|cell| *cell == MANY) {
            return MANY;
        }
        rows[i % 4] = row;
    }
    rows[a.len() % 4][b.len() + 3 - a.len()]
}

/// Returns what both begin and end with does not change the distance.
fn without_common_ends<'t, T: PartialEq>(a: &'t [T], b: &'t [T]) -> (&'t [T], &'t [T]) {
    let begin = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[begin..], &b[begin..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    (&a[..a.len() - end], &b[..b.len() - end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rapidfuzz::distance::damerau_levenshtein;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// Few letters, so that many pairs are near; one of them is not ASCII.
        #[test]
        fn it_is_the_distance_up_to_three(a in "[abcé]{0,7}", b in "[abcé]{0,7}", same in "[abc]{0,3}") {
            for (a, b) in [(a.clone(), b.clone()), (format!("{same}{a}{same}"), format!("{same}{b}{same}"))] {
                let whole = damerau_levenshtein::distance(a.chars(), b.chars());
                prop_assert_eq!(usize::from(slips(&a, &b)), whole.min(3), "{} {}", a, b);
            }
        }
    }

    #[test]
    fn slips_are_counted_up_to_three() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("martin", "martni", 1),
            ("martin", "mratni", 2),
            ("ca", "abc", 2),
            ("19800412", "19801204", 3),
            ("+33612345678", "+33687654321", 3),
            ("a", "abcdef", 3),
        ] {
            assert_eq!((slips(a, b), slips(b, a)), (expected, expected), "{a} {b}");
        }
        assert_eq!(mailbox_slips("ada.l@free.example", "adal@poste.example"), 1);
        assert_eq!(mailbox_slips("ada", "ada@free.example"), 0);
    }
}
