//! Groups of records that are one customer, joined from the most certain link to the least certain.
//!
//! Keys come first, then probable links by descending weight. A link is refused if it would
//!
//! - put two persons together who cannot be one: both first name and date of birth clearly differ; or, unless
//!   it is almost certain, only their dates of birth do, which the linked records do not have;
//! - make a customer with more person records than the limit;
//! - connect two groups by one link only (a bridge), unless it is almost certain or there is a second link
//!   between the same two groups.
//!
//! A key that would put two persons together joins each of its records with those that fit.
//!
//! A steward's decisions come first: records that they join are joined in any case, and records that they
//! keep apart are joined by no key and no link, not even through third records.

use std::collections::HashMap;

use super::components::Components;
use crate::identity::likeness::{days_between, initial_of, jaro_winkler_similarity, short_form_of};
use rapidfuzz::distance::damerau_levenshtein;

/// First names less alike than this are different names.
const DIFFERENT_NAME: f64 = 0.75;
/// Dates of birth with at least so many slips between them are different dates.
const SLIPS: usize = 3;

/// Attributes that distinguish two persons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    pub first_name: Option<Box<str>>,
    pub last_name: Option<Box<str>>,
    pub birth_date: Option<Box<str>>,
}

impl Marks {
    /// Both cannot be one person.
    fn contradict(&self, other: &Marks) -> bool {
        let (Some(first), Some(other_first)) = (&self.first_name, &other.first_name) else { return false };
        first != other_first
            && self.is_born_apart(other)
            && are_different_names(first, other_first)
            // A record with first and last name swapped is not another person.
            && self.last_name.as_ref().is_none_or(|last| are_different_names(last, other_first))
            && other.last_name.as_ref().is_none_or(|last| are_different_names(last, first))
    }

    /// The dates of birth of both are known, and not slips of one.
    fn is_born_apart(&self, other: &Marks) -> bool {
        let (Some(born), Some(other_born)) = (&self.birth_date, &other.birth_date) else { return false };
        born != other_born
            && days_between(born, other_born).is_some()
            && damerau_levenshtein::distance(born.chars(), other_born.chars()) >= SLIPS
    }
}

fn are_different_names(a: &str, b: &str) -> bool {
    jaro_winkler_similarity(a, b) < DIFFERENT_NAME && !initial_of(a, b) && !short_form_of(a, b)
}

/// What became of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    Linked,
    /// Below the probability from which records are linked, but joined by other links or keys.
    Together,
    /// Below that probability, and not joined: a person may decide.
    Review,
    Contradiction,
    TooLarge,
    Bridge,
    /// Joined, or kept apart, by a steward's decision on these two records.
    RuledTogether,
    RuledApart,
    /// Would join what a steward keeps apart.
    Ruled,
}

impl Decision {
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Linked => "linked",
            Decision::Together => "together by others",
            Decision::Review => "review",
            Decision::Contradiction => "refused: two persons",
            Decision::TooLarge => "refused: too many records",
            Decision::Bridge => "refused: the only link between two groups",
            Decision::RuledTogether => "linked by a steward",
            Decision::RuledApart => "cut by a steward",
            Decision::Ruled => "refused: cut by a steward",
        }
    }
}

/// A probable link between two person records, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    pub left: u32,
    pub right: u32,
    /// All but certain: may be the only link between two groups.
    pub sure: bool,
}

/// What a steward decided on two records, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StewardDecision {
    pub left: u32,
    pub right: u32,
    /// One customer, or two.
    pub together: bool,
}

/// Records under way to being customers. Records are numbered as they are in the sorted universe of
/// all records; those with attributes of a person have a person number too.
pub struct Clusters {
    components: Components,
    marks: Vec<Marks>,
    /// The record of each person record.
    record_of: Vec<u32>,
    /// Person records of each component that has any, by its root.
    persons: HashMap<u32, Vec<u32>>,
    /// Who holds a key: by its hash, one record of each component that does.
    holders: HashMap<u128, Holders>,
    /// Records that may not join a component, by its root.
    apart: HashMap<u32, Vec<u32>>,
    max_persons: usize,
}

/// Nearly all keys have one holding component.
enum Holders {
    One(u32),
    Several(Vec<u32>),
}

impl Clusters {
    pub fn new(marks: Vec<Marks>, max_persons: usize) -> Self {
        Clusters {
            components: Components::default(),
            record_of: vec![0; marks.len()],
            marks,
            persons: HashMap::new(),
            holders: HashMap::new(),
            apart: HashMap::new(),
            max_persons,
        }
    }

    /// Adds a record; with its person number if it has attributes of a person.
    pub fn add(&mut self, record: u32, person: Option<u32>) {
        if self.components.knows(record) {
            return;
        }
        self.components.add(record);
        if let Some(person) = person {
            self.record_of[person as usize] = record;
            self.persons.entry(record).or_default().push(person);
        }
    }

    /// Applies a steward's decisions, the latest first; returns for each whether it is in effect. One that
    /// a later ruling contradicts, directly or through other records, does not. All records must be known.
    pub fn rule(&mut self, rulings: &[StewardDecision]) -> Vec<bool> {
        let mut stand = Vec::with_capacity(rulings.len());
        for ruling in rulings {
            let (a, b) = (self.components.root(ruling.left), self.components.root(ruling.right));
            let stands = if ruling.together { !self.ruled_apart(a, b) } else { a != b };
            if stands && ruling.together {
                self.unite(a, b);
            } else if stands {
                self.apart.entry(a).or_default().push(ruling.right);
                self.apart.entry(b).or_default().push(ruling.left);
            }
            stand.push(stands);
        }
        stand
    }

    /// The record holds the key: it joins those holders who can be the same person. A record must be
    /// known with its person before its keys.
    pub fn hold(&mut self, record: u32, key: u128) {
        self.components.add(record);
        let holders = match self.holders.get(&key) {
            None => {
                self.holders.insert(key, Holders::One(record));
                return;
            }
            Some(Holders::One(holder)) => vec![*holder],
            Some(Holders::Several(holders)) => holders.clone(),
        };
        for holder in &holders {
            let (a, b) = (self.components.root(*holder), self.components.root(record));
            if a == b || !(self.ruled_apart(a, b) || self.contradict(a, b)) {
                self.unite(a, b);
                return;
            }
        }
        let mut holders = holders;
        holders.push(record);
        self.holders.insert(key, Holders::Several(holders));
    }

    /// Joins by links, the most certain first; returns the result for each.
    pub fn link(&mut self, links: &[Link]) -> Vec<Decision> {
        let mut decisions = vec![Decision::Bridge; links.len()];
        let mut open: Vec<usize> = (0..links.len()).collect();
        loop {
            let mut joined = false;
            let mut seen: HashMap<(u32, u32), u32> = HashMap::new();
            open.retain(|n| {
                let link = links[*n];
                let root = |c: &mut Components, person: u32| c.root(self.record_of[person as usize]);
                let (a, b) = (root(&mut self.components, link.left), root(&mut self.components, link.right));
                let (a, b) = (a.min(b), a.max(b));
                if a == b {
                    decisions[*n] = Decision::Linked;
                    return false;
                }
                if self.ruled_apart(a, b) {
                    decisions[*n] = Decision::Ruled;
                    return false;
                }
                let sizes = [a, b].map(|r| self.persons.get(&r).map_or(0, Vec::len));
                if sizes[0] + sizes[1] > self.max_persons {
                    decisions[*n] = Decision::TooLarge;
                    return false;
                }
                if self.contradict(a, b) || !link.sure && self.are_born_apart(a, b, link) {
                    decisions[*n] = Decision::Contradiction;
                    return false;
                }
                if sizes[0] > 1 && sizes[1] > 1 && !link.sure {
                    let beside = seen.entry((a, b)).or_default();
                    *beside += 1;
                    if *beside < 2 {
                        return true;
                    }
                }
                self.unite(a, b);
                joined = true;
                decisions[*n] = Decision::Linked;
                false
            });
            if !joined {
                return decisions;
            }
        }
    }

    /// Returns the smallest record of a record's customer.
    pub fn root(&mut self, record: u32) -> u32 {
        self.components.root(record)
    }

    fn ruled_apart(&mut self, a: u32, b: u32) -> bool {
        let listed = |root| self.apart.get(&root).map_or(0, Vec::len);
        let (few, other) = if listed(a) <= listed(b) { (a, b) } else { (b, a) };
        let Some(records) = self.apart.get(&few) else { return false };
        records.iter().any(|record| self.components.root(*record) == other)
    }

    fn contradict(&self, a: u32, b: u32) -> bool {
        let persons = |root| self.persons.get(&root).map(Vec::as_slice).unwrap_or_default();
        let marks = |person: &u32| &self.marks[*person as usize];
        persons(a).iter().any(|p| persons(b).iter().any(|q| marks(p).contradict(marks(q))))
    }

    /// Whether records beside the linked ones were born on two days, which the link knows nothing of: of namesakes
    /// a record that has but the name is like both.
    fn are_born_apart(&self, a: u32, b: u32, link: Link) -> bool {
        let persons = |root| self.persons.get(&root).map(Vec::as_slice).unwrap_or_default();
        let marks = |person: u32| &self.marks[person as usize];
        if [link.left, link.right].iter().all(|person| marks(*person).birth_date.is_some()) {
            return false;
        }
        persons(a).iter().any(|p| persons(b).iter().any(|q| marks(*p).is_born_apart(marks(*q))))
    }

    fn unite(&mut self, a: u32, b: u32) {
        if a == b {
            return;
        }
        let root = self.components.unite(a, b);
        for of_root in [&mut self.persons, &mut self.apart] {
            let gone = of_root.remove(&a.max(b)).unwrap_or_default();
            if !gone.is_empty() {
                of_root.entry(root).or_default().extend(gone);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(first: &str, born: &str) -> Marks {
        let some = |text: &str| (!text.is_empty()).then(|| text.into());
        Marks { first_name: some(first), last_name: None, birth_date: some(born) }
    }

    /// Person records alone, each its own record.
    fn clusters(marks: Vec<Marks>, max: usize) -> Clusters {
        let count = marks.len() as u32;
        let mut clusters = Clusters::new(marks, max);
        (0..count).for_each(|n| clusters.add(n, Some(n)));
        clusters
    }

    fn unknown(count: usize) -> Vec<Marks> {
        vec![Marks::default(); count]
    }

    fn link(left: u32, right: u32) -> Link {
        Link { left, right, sure: false }
    }

    fn roots(clusters: &mut Clusters, count: u32) -> Vec<u32> {
        (0..count).map(|n| clusters.root(n)).collect()
    }

    #[test]
    fn links_join() {
        let mut c = clusters(unknown(4), 10);
        assert_eq!(c.link(&[link(0, 1), link(1, 2)]), [Decision::Linked; 2]);
        assert_eq!(roots(&mut c, 4), [0, 0, 0, 3]);
    }

    #[test]
    fn one_weak_link_holds_no_two_groups_together() {
        let mut c = clusters(unknown(4), 10);
        let bridge = [link(0, 1), link(2, 3), link(1, 2)];
        assert_eq!(c.link(&bridge), [Decision::Linked, Decision::Linked, Decision::Bridge]);
        assert_eq!(roots(&mut c, 4), [0, 0, 2, 2]);
    }

    #[test]
    fn a_second_link_or_a_sure_one_does() {
        let mut c = clusters(unknown(4), 10);
        assert_eq!(c.link(&[link(0, 1), link(2, 3), link(1, 2), link(0, 3)]), [Decision::Linked; 4]);
        let mut c = clusters(unknown(4), 10);
        let sure = Link { sure: true, ..link(1, 2) };
        assert_eq!(c.link(&[link(0, 1), link(2, 3), sure]), [Decision::Linked; 3]);
    }

    #[test]
    fn nobody_has_too_many_records() {
        let mut c = clusters(unknown(4), 3);
        let chain = [link(0, 1), link(1, 2), link(2, 3)];
        assert_eq!(c.link(&chain), [Decision::Linked, Decision::Linked, Decision::TooLarge]);
    }

    #[test]
    fn two_persons_stay_two_even_through_a_third() {
        // Ada and Bert share everything with the record that has no first name.
        let marks = vec![person("ada", "19800101"), person("", ""), person("bert", "19551230")];
        let mut c = clusters(marks, 10);
        assert_eq!(c.link(&[link(0, 1), link(1, 2)]), [Decision::Linked, Decision::Contradiction]);
        assert_eq!(roots(&mut c, 3), [0, 0, 2]);
    }

    #[test]
    fn a_key_that_a_couple_shares_makes_them_no_one_person() {
        let marks = vec![
            person("ada", "19800101"),
            person("bert", "19551230"),
            person("bertie", "19551230"),
            person("ada", "19800110"),
        ];
        let mut c = clusters(marks, 10);
        (0..4).for_each(|n| c.hold(n, 7));
        assert_eq!(roots(&mut c, 4), [0, 1, 1, 0]);
    }

    #[test]
    fn a_slip_is_no_other_person() {
        let ada = person("ada", "19800101");
        assert!(!ada.contradict(&person("ada", "19551230")), "one name");
        assert!(!ada.contradict(&person("bert", "19800110")), "a date two slips away");
        assert!(!ada.contradict(&person("a", "19551230")), "an initial");
        assert!(!ada.contradict(&person("bert", "19551330")), "no date at all");
        let swapped = Marks { last_name: Some("ada".into()), ..person("lovelace", "19551230") };
        assert!(!ada.contradict(&swapped));
        assert!(ada.contradict(&person("bert", "19551230")));
    }

    #[test]
    fn what_a_steward_joins_is_joined_whatever_speaks_against_it() {
        let mut c = clusters(vec![person("ada", "19800101"), person("bert", "19551230")], 2);
        assert_eq!(c.link(&[link(0, 1)]), [Decision::Contradiction]);
        assert_eq!(c.rule(&[StewardDecision { left: 0, right: 1, together: true }]), [true]);
        assert_eq!(roots(&mut c, 2), [0, 0]);
    }

    #[test]
    fn what_a_steward_cuts_stays_apart_even_through_others() {
        let mut c = clusters(unknown(4), 10);
        assert_eq!(c.rule(&[StewardDecision { left: 0, right: 2, together: false }]), [true]);
        [0, 1].into_iter().for_each(|n| c.hold(n, 7));
        [1, 2, 3].into_iter().for_each(|n| c.hold(n, 8));
        assert_eq!(roots(&mut c, 4), [0, 0, 2, 0], "the key 8 is not theirs together");
        let sure = |left, right| Link { left, right, sure: true };
        assert_eq!(c.link(&[sure(1, 2), sure(3, 2), sure(0, 2)]), [Decision::Ruled; 3]);
    }

    #[test]
    fn of_rulings_that_speak_against_each_other_the_later_stands() {
        let ruling = |left, right, together| StewardDecision { left, right, together };
        let mut c = clusters(unknown(3), 10);
        let latest_first = [ruling(0, 1, true), ruling(1, 2, true), ruling(0, 2, false)];
        assert_eq!(c.rule(&latest_first), [true, true, false]);
        let mut c = clusters(unknown(3), 10);
        let latest_first = [ruling(0, 2, false), ruling(0, 1, true), ruling(1, 2, true)];
        assert_eq!(c.rule(&latest_first), [true, true, false]);
        assert_eq!(roots(&mut c, 3), [0, 0, 2]);
    }

    #[test]
    fn records_without_a_person_join_by_keys_alone() {
        let mut c = Clusters::new(vec![person("ada", "19800101")], 10);
        c.add(0, None);
        c.add(1, Some(0));
        c.hold(0, 1);
        c.hold(1, 1);
        c.hold(2, 1);
        assert_eq!(roots(&mut c, 3), [0, 0, 0]);
    }
}
