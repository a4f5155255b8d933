//! Groups of members that have an equal key, by one rule after another, with limits against keys and groups
//! that are too large.
//!
//! In memory are a few words per member, whatever the keys.

use std::collections::HashMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use sha2::{Digest, Sha256};

use super::customers::Components;
use crate::error::{Context, Error, Result};

/// Members are numbered from 0 in an order of the caller's; the smallest is its group's root.
pub struct EqualKeys {
    /// A key or group with more members joins nothing.
    most: u64,
    /// The root of each member, by the rules that are done.
    roots: Vec<u32>,
    /// The rule by which a member is with others.
    rules: Vec<Option<u32>>,
    components: Components,
    rule: u32,
    key: String,
    /// The members that hold the key.
    holders: Vec<u32>,
    crowded_keys: u64,
    crowded_groups: u64,
}

/// The groups found.
#[derive(Debug, PartialEq, Eq)]
pub struct Groups {
    /// The root of each member.
    pub roots: Vec<u32>,
    /// The rule that first joined a member with others; `None` for a single member.
    pub rules: Vec<Option<u32>>,
    /// Keys that more members hold than a group may have.
    pub crowded_keys: u64,
    /// Groups that a rule would have made too large, and did not make.
    pub crowded_groups: u64,
}

impl EqualKeys {
    pub fn of(members: u32, most: u64) -> Self {
        let mut equal = EqualKeys {
            most,
            roots: (0..members).collect(),
            rules: vec![None; members as usize],
            components: Components::default(),
            rule: 0,
            key: String::new(),
            holders: Vec::new(),
            crowded_keys: 0,
            crowded_groups: 0,
        };
        equal.start_rule();
        equal
    }

    /// Tells of a key that a member holds by a rule. Keys come in the order of rule and key.
    pub fn hold(&mut self, rule: u32, key: &str, member: u32) {
        if rule != self.rule {
            self.end_rule();
            self.rule = rule;
        }
        if key != self.key {
            self.end_key();
            key.clone_into(&mut self.key);
        }
        self.holders.push(member);
    }

    pub fn groups(mut self) -> Groups {
        self.end_rule();
        Groups {
            roots: self.roots,
            rules: self.rules,
            crowded_keys: self.crowded_keys,
            crowded_groups: self.crowded_groups,
        }
    }

    fn start_rule(&mut self) {
        self.components = Components::default();
        for member in 0..self.roots.len() as u32 {
            self.components.add(member);
        }
        for (member, root) in self.roots.iter().enumerate() {
            self.components.unite(member as u32, *root);
        }
    }

    fn end_key(&mut self) {
        if self.holders.len() as u64 > self.most {
            self.crowded_keys += 1;
        } else {
            for pair in self.holders.windows(2) {
                let (a, b) = (self.components.root(pair[0]), self.components.root(pair[1]));
                self.components.unite(a, b);
            }
        }
        self.holders.clear();
    }

    /// Takes over what the rule joined; a group that has become too large stays as the rules before
    /// left it.
    fn end_rule(&mut self) {
        self.end_key();
        self.key.clear();
        let roots: Vec<u32> = (0..self.roots.len() as u32).map(|m| self.components.root(m)).collect();
        let mut sizes: HashMap<u32, u64> = HashMap::new();
        for (member, root) in roots.iter().enumerate() {
            if *root as usize != member {
                *sizes.entry(*root).or_insert(1) += 1;
            }
        }
        self.crowded_groups += sizes.values().filter(|size| **size > self.most).count() as u64;
        for (member, root) in roots.into_iter().enumerate() {
            let size = sizes.get(&root).copied().unwrap_or(1);
            if size > 1 && size <= self.most {
                self.roots[member] = root;
                self.rules[member].get_or_insert(self.rule);
            }
        }
        self.start_rule();
    }
}

/// Returns the groups of `members` by their keys: columns rule and member (bigint), key (text).
///
/// # Errors
/// More members than can be numbered; what the query fails for.
pub async fn grouped(keys: DataFrame, members: u64, most: u64, doing: &str) -> Result<Groups> {
    let members = u32::try_from(members)
        .map_err(|_| Error::failed(format!("{members} rows are more than can be numbered")))?;
    let mut equal = EqualKeys::of(members, most);
    let ordered =
        keys.sort_by(["rule", "key", "member"].map(datafusion::logical_expr::col).to_vec()).doing(doing)?;
    let mut rows = ordered
        .select_columns(&["rule", "key", "member"])
        .doing(doing)?
        .execute_stream()
        .await
        .doing(doing)?;
    while let Some(batch) = rows.next().await {
        let batch = batch.doing(doing)?;
        let (rules, held) =
            (batch.column(0).as_primitive::<Int64Type>(), batch.column(2).as_primitive::<Int64Type>());
        for ((rule, key), member) in
            rules.values().iter().zip(batch.column(1).as_string::<i32>()).zip(held.values())
        {
            equal.hold(*rule as u32, key.unwrap_or_default(), *member as u32);
        }
    }
    Ok(equal.groups())
}

/// Returns the id of the group whose smallest member this is: a letter and sixteen hexadecimal digits.
pub(super) fn group_id(letter: char, member: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in member {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!("{letter}{}", hex::encode(&hash.finalize()[..8]))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn groups(members: u32, most: u64, keys: &[(u32, &str, u32)]) -> Groups {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        let mut equal = EqualKeys::of(members, most);
        keys.iter().for_each(|(rule, key, member)| equal.hold(*rule, key, *member));
        equal.groups()
    }

    #[test]
    fn whoever_holds_an_equal_key_by_a_rule_is_together() {
        let found =
            groups(5, 9, &[(0, "a", 3), (0, "a", 1), (0, "b", 2), (1, "b", 2), (1, "b", 3), (1, "c", 0)]);
        assert_eq!(found.roots, [0, 1, 1, 1, 4]);
        // 1 and 3 by the first rule, 2 joined them by the second.
        assert_eq!(found.rules, [None, Some(0), Some(1), Some(0), None]);
    }

    #[test]
    fn the_same_text_under_another_rule_is_another_key() {
        assert_eq!(groups(2, 9, &[(0, "a", 0), (1, "a", 1)]).roots, [0, 1]);
    }

    #[test]
    fn a_key_that_too_many_hold_joins_nobody() {
        let found =
            groups(4, 2, &[(0, "block", 0), (0, "block", 1), (0, "block", 2), (0, "z", 2), (0, "z", 3)]);
        assert_eq!((found.roots, found.crowded_keys), (vec![0, 1, 2, 2], 1));
    }

    #[test]
    fn a_group_that_a_rule_makes_too_large_stays_as_it_was() {
        let found =
            groups(4, 2, &[(0, "a", 0), (0, "a", 1), (1, "b", 1), (1, "b", 2), (2, "c", 2), (2, "c", 3)]);
        assert_eq!((found.roots, found.crowded_groups), (vec![0, 0, 2, 2], 1));
    }

    #[test]
    fn an_id_tells_parts_apart() {
        assert_ne!(group_id('o', &["ab", "c"]), group_id('o', &["a", "bc"]));
        assert_eq!(group_id('h', &["c1"]).len(), 17);
    }

    /// Returns the groups found by the plainest search there is.
    fn by_search(members: u32, keys: &[(u32, String, u32)]) -> BTreeSet<BTreeSet<u32>> {
        let mut groups: Vec<BTreeSet<u32>> = (0..members).map(|m| [m].into()).collect();
        for (rule, key, member) in keys {
            for (other_rule, other_key, other) in keys {
                if (rule, key) == (other_rule, other_key) {
                    let (same, others): (Vec<_>, Vec<_>) =
                        groups.into_iter().partition(|g| g.contains(member) || g.contains(other));
                    groups = others;
                    groups.push(same.into_iter().flatten().collect());
                }
            }
        }
        groups.into_iter().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn groups_are_those_of_shared_keys(keys in prop::collection::vec((0..3_u32, "[ab]", 0..8_u32), 0..12)) {
            let given: Vec<(u32, &str, u32)> = keys.iter().map(|(r, k, m)| (*r, k.as_str(), *m)).collect();
            let mut found: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
            for (member, root) in groups(8, 100, &given).roots.into_iter().enumerate() {
                prop_assert!(root as usize <= member);
                found.entry(root).or_default().insert(member as u32);
            }
            prop_assert_eq!(found.into_values().collect::<BTreeSet<_>>(), by_search(8, &keys));
        }
    }
}
