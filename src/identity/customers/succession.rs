//! Stable ids: tonight's customers take over last night's ids, and every change is recorded.
//!
//! An id goes to the customer that has most of its records, and a customer takes the id that brings most
//! records; the largest overlap first, on a tie the oldest id. So a customer whose records did not change
//! keeps the id, whoever else came or left. Customers without an id get a new one, derived from their first
//! record (see [`CustomerId::derived_from`]): a part that was merged by mistake and is split off again gets
//! its own id back.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::customer_id::CustomerId;

/// What became of records that had another id last night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The former id is no longer in use.
    Merged,
    /// The former id goes on, without these records: they are a customer of their own.
    Split,
    /// The former id goes on, without these records: they are a customer's who was there before.
    Moved,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Merged => "merged",
            Kind::Split => "split",
            Kind::Moved => "moved",
        }
    }
}

/// Records of a former id that now have another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub kind: Kind,
    pub former: CustomerId,
    pub id: CustomerId,
    pub records: u64,
    /// Whether the former id belongs to this customer from now on.
    pub succeeds: bool,
}

/// The records of a customer, named by its root, that had an id last night.
pub(super) type Overlaps = HashMap<(u32, CustomerId), Overlap>;

/// Records that a customer of last night and one of tonight have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    pub records: u64,
    /// When the first of them got the id, in microseconds.
    pub since: i64,
}

impl Overlap {
    /// Returns one more record.
    pub fn and(self, since: i64) -> Overlap {
        Overlap { records: self.records + 1, since: self.since.min(since) }
    }
}

/// Who has which id tonight.
pub struct Succession {
    ids: HashMap<u32, CustomerId>,
    taken: HashSet<CustomerId>,
    /// Last night's, whoever has them now.
    former: HashSet<CustomerId>,
    /// Records whose customer did not take over their id.
    leaving: Vec<(CustomerId, u32, u64)>,
    /// The customers of ids that are no longer in use.
    heirs: HashMap<CustomerId, CustomerId>,
}

impl Succession {
    pub fn of(overlaps: Overlaps) -> Succession {
        let mut overlaps: Vec<(Overlap, CustomerId, u32)> =
            overlaps.into_iter().map(|((root, id), overlap)| (overlap, id, root)).collect();
        overlaps.sort_unstable_by(|(a, a_id, a_root), (b, b_id, b_root)| {
            (b.records.cmp(&a.records))
                .then(a.since.cmp(&b.since))
                .then(a_id.cmp(b_id))
                .then(a_root.cmp(b_root))
        });
        let mut succession = Succession {
            ids: HashMap::new(),
            taken: HashSet::new(),
            former: overlaps.iter().map(|(_, id, _)| *id).collect(),
            leaving: Vec::new(),
            heirs: HashMap::new(),
        };
        for (overlap, id, root) in overlaps {
            if succession.taken.contains(&id) || succession.ids.contains_key(&root) {
                succession.leaving.push((id, root, overlap.records));
            } else {
                succession.taken.insert(id);
                succession.ids.insert(root, id);
            }
        }
        succession
    }

    /// Takes down for whom former ids stand: they name nobody else from now on.
    pub(super) fn remember(&mut self, heirs: HashMap<CustomerId, CustomerId>) {
        self.heirs = heirs;
    }

    /// Returns the customer's id; `founding` is what a new customer's first record would give, `leaving` the
    /// customer that record last was. Customers must be asked for in the order of their roots.
    pub fn id(
        &mut self,
        root: u32,
        leaving: Option<CustomerId>,
        founding: impl FnOnce() -> CustomerId,
    ) -> CustomerId {
        if let Some(id) = self.ids.get(&root) {
            return *id;
        }
        let mut id = founding();
        while self.taken.contains(&id) || !self.may_reappear(id, leaving) {
            id = id.next();
        }
        self.taken.insert(id);
        self.ids.insert(root, id);
        id
    }

    /// Returns whether a former id may be used again: only by records that leave the customer it belongs to.
    fn may_reappear(&self, id: CustomerId, leaving: Option<CustomerId>) -> bool {
        let mut at = id;
        for _ in 0..=self.heirs.len() {
            match self.heirs.get(&at) {
                None => return at == id,
                Some(heir) if Some(*heir) == leaving => return true,
                Some(heir) => at = *heir,
            }
        }
        false
    }

    /// Returns whether a customer has the id.
    pub(super) fn is_in_use(&self, id: CustomerId) -> bool {
        self.taken.contains(&id)
    }

    /// Returns what changed, once every customer has an id; in the order of the former ids, the customer with
    /// most of their records first.
    pub fn changes(&self) -> Vec<Change> {
        let mut by_former: BTreeMap<CustomerId, Vec<(u64, CustomerId)>> = BTreeMap::new();
        for (former, root, records) in &self.leaving {
            by_former.entry(*former).or_default().push((*records, self.ids[root]));
        }
        let mut changes = Vec::new();
        for (former, mut heirs) in by_former {
            heirs.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            let gone = !self.taken.contains(&former);
            for (nth, (records, id)) in heirs.into_iter().enumerate() {
                let kind = match (gone, self.former.contains(&id)) {
                    (true, _) => Kind::Merged,
                    (false, false) => Kind::Split,
                    (false, true) => Kind::Moved,
                };
                changes.push(Change { kind, former, id, records, succeeds: gone && nth == 0 });
            }
        }
        changes
    }
}

/// For whom each former id stands: `ended` are the former ids that were nobody's any more, each with
/// its heir, as the nights told it, the oldest first. An id that somebody bears again stands for them;
/// one whose heirs have all gone for nobody.
pub(super) fn heirs(
    ended: &[(CustomerId, CustomerId)],
    is_in_use: impl Fn(CustomerId) -> bool,
) -> BTreeMap<CustomerId, Option<CustomerId>> {
    let heir: BTreeMap<CustomerId, CustomerId> = ended.iter().copied().collect();
    let mut found = BTreeMap::new();
    for former in heir.keys().copied().filter(|former| !is_in_use(*former)) {
        let mut at = former;
        let mut steps = 0;
        let today = loop {
            match heir.get(&at) {
                Some(next) if is_in_use(*next) => break Some(*next),
                // As many steps as there are heirs: they have come round in a circle.
                Some(next) if steps <= heir.len() => at = *next,
                _ => break None,
            }
            steps += 1;
        };
        found.insert(former, today);
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(name: &str) -> CustomerId {
        CustomerId::derived_from("test", name)
    }

    /// Customers by the former ids of their records, each founded on its number.
    fn night(customers: &[&[(&str, u64)]]) -> (Vec<CustomerId>, Vec<Change>) {
        let mut overlaps = Overlaps::new();
        for (root, formers) in customers.iter().enumerate() {
            for (former, records) in *formers {
                // Ids are as old as their names say.
                let since = former.bytes().map(i64::from).sum();
                overlaps.insert((root as u32, id(former)), Overlap { records: *records, since });
            }
        }
        let mut succession = Succession::of(overlaps);
        let ids =
            (0..customers.len()).map(|n| succession.id(n as u32, None, || id(&format!("new {n}")))).collect();
        (ids, succession.changes())
    }

    #[test]
    fn who_did_not_change_keeps_the_id_and_nothing_is_reported() {
        let (ids, changes) = night(&[&[("a", 3)], &[("b", 1)], &[]]);
        assert_eq!(ids, [id("a"), id("b"), id("new 2")]);
        assert_eq!(changes, []);
    }

    #[test]
    fn of_two_that_are_one_the_larger_gives_the_id() {
        let (ids, changes) = night(&[&[("a", 1), ("b", 2)]]);
        assert_eq!(ids, [id("b")]);
        let merged = Change { kind: Kind::Merged, former: id("a"), id: id("b"), records: 1, succeeds: true };
        assert_eq!(changes, [merged]);
    }

    #[test]
    fn of_two_as_large_the_older_gives_the_id() {
        for pair in [["a", "b"], ["c", "d"], ["e", "f"]] {
            let (ids, _) = night(&[&[(pair[1], 2), (pair[0], 2)]]);
            assert_eq!(ids, [id(pair[0])]);
        }
    }

    #[test]
    fn of_one_that_is_two_the_larger_keeps_the_id() {
        let (ids, changes) = night(&[&[("a", 1)], &[("a", 4)]]);
        assert_eq!(ids, [id("new 0"), id("a")]);
        let split =
            Change { kind: Kind::Split, former: id("a"), id: id("new 0"), records: 1, succeeds: false };
        assert_eq!(changes, [split]);
    }

    #[test]
    fn records_may_move_from_one_customer_to_another() {
        let (ids, changes) = night(&[&[("a", 5)], &[("b", 3), ("a", 1)]]);
        assert_eq!(ids, [id("a"), id("b")]);
        let moved = Change { kind: Kind::Moved, former: id("a"), id: id("b"), records: 1, succeeds: false };
        assert_eq!(changes, [moved]);
    }

    #[test]
    fn an_id_in_use_is_given_to_nobody_else() {
        let mut succession =
            Succession::of(Overlaps::from([((0, id("a")), Overlap { records: 2, since: 0 })]));
        assert_eq!(succession.id(0, None, || unreachable!()), id("a"));
        assert_eq!(succession.id(1, None, || id("a")), id("a").next());
        assert_eq!(succession.id(1, None, || unreachable!()), id("a").next());
    }

    #[test]
    fn a_former_id_comes_back_only_to_who_leaves_its_heir() {
        let founded = |leaving: &str| {
            let mut succession = Succession::of(Overlaps::new());
            succession.remember(HashMap::from([(id("b"), id("q")), (id("q"), id("r"))]));
            succession.id(0, Some(id(leaving)), || id("b"))
        };
        assert_eq!(founded("q"), id("b"));
        assert_eq!(founded("r"), id("b"), "through all heirs");
        assert_eq!(founded("z"), id("b").next(), "b stands for r");
    }

    #[test]
    fn a_former_id_stands_for_whom_its_records_went_to_through_all_nights() {
        let ended = [(id("a"), id("b")), (id("b"), id("c")), (id("d"), id("e"))];
        let borne = HashSet::from([id("c")]);
        let found = heirs(&ended, |id| borne.contains(&id));
        assert_eq!(
            found,
            BTreeMap::from([(id("a"), Some(id("c"))), (id("b"), Some(id("c"))), (id("d"), None)])
        );
        // b was cut off again, and later merged the other way.
        let ended = [(id("b"), id("a")), (id("a"), id("b"))];
        assert_eq!(heirs(&ended, |i| i == id("b")), BTreeMap::from([(id("a"), Some(id("b")))]));
        assert_eq!(heirs(&ended, |_| false), BTreeMap::from([(id("a"), None), (id("b"), None)]));
    }

    /// For each record its customer last night (or none) and tonight.
    fn records() -> impl Strategy<Value = Vec<(Option<u8>, u8)>> {
        prop::collection::vec((prop::option::weighted(0.8, 0..6_u8), 0..6_u8), 1..30)
    }

    proptest! {
        #[test]
        fn every_change_of_id_is_reported_and_no_other(records in records()) {
            let former = |n: u8| id(&format!("former {n}"));
            let mut overlaps = Overlaps::new();
            for (before, root) in &records {
                if let Some(before) = before {
                    let overlap = overlaps.entry((u32::from(*root), former(*before)));
                    overlap.or_insert(Overlap { records: 0, since: 0 }).records += 1;
                }
            }
            let mut succession = Succession::of(overlaps);
            let ids: Vec<CustomerId> =
                (0..6_u8).map(|n| succession.id(n.into(), None, || former(n))).collect();
            let distinct: HashSet<_> = ids.iter().collect();
            prop_assert_eq!(distinct.len(), ids.len(), "an id is one customer's");
            let mut moved: BTreeMap<(CustomerId, CustomerId), u64> = BTreeMap::new();
            for (before, root) in &records {
                if let Some(before) = before.map(former)
                    && before != ids[usize::from(*root)]
                {
                    *moved.entry((before, ids[usize::from(*root)])).or_default() += 1;
                }
            }
            let changes = succession.changes();
            let message = changes.iter().map(|c| ((c.former, c.id), c.records)).collect();
            prop_assert_eq!(moved, message);
            for change in &changes {
                prop_assert_eq!(change.kind == Kind::Merged, !succession.is_in_use(change.former));
            }
            // A customer with all the records of an id, and no others' but new ones, keeps it.
            for n in 0..6_u8 {
                let roots: HashSet<u8> =
                    records.iter().filter(|r| r.0 == Some(n)).map(|r| r.1).collect();
                let mates: HashSet<Option<u8>> =
                    records.iter().filter(|r| roots.contains(&r.1)).map(|r| r.0).collect();
                if roots.len() == 1 && mates.iter().all(|m| m.is_none_or(|m| m == n)) {
                    let root = roots.iter().next().copied().unwrap();
                    prop_assert_eq!(ids[usize::from(root)], former(n));
                }
            }
        }
    }
}
