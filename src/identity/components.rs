//! Connected components of records and keys: union-find (Tarjan 1975), smallest record as root.

use std::collections::HashMap;

/// Records are numbered from 0; keys are known by hash.
#[derive(Debug, Default)]
pub struct Components {
    parent: Vec<u32>,
    /// The first record seen with a key: a key needs no node of its own.
    holder: HashMap<u128, u32>,
}

impl Components {
    /// Makes the record known.
    pub fn add(&mut self, record: u32) {
        while self.parent.len() <= record as usize {
            self.parent.push(self.parent.len() as u32);
        }
    }

    /// The record holds the key: it joins everybody else who does.
    pub fn join(&mut self, record: u32, key: u128) {
        self.add(record);
        let other = *self.holder.entry(key).or_insert(record);
        let (a, b) = (self.root(record), self.root(other));
        // The smaller record is the root, so that the root says which customer it is.
        self.parent[a.max(b) as usize] = a.min(b);
    }

    /// The smallest record of the component.
    pub fn root(&mut self, record: u32) -> u32 {
        let mut node = record;
        while self.parent[node as usize] != node {
            let up = self.parent[node as usize];
            // Path halving keeps the trees flat.
            self.parent[node as usize] = self.parent[up as usize];
            node = self.parent[node as usize];
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_shares_a_key_directly_or_not_is_one() {
        let mut c = Components::default();
        c.join(0, 10);
        c.join(1, 11);
        c.join(2, 10);
        c.join(2, 12);
        c.join(3, 12);
        c.join(3, 11);
        c.add(4);
        assert_eq!((0..5).map(|r| c.root(r)).collect::<Vec<_>>(), [0, 0, 0, 0, 4]);
    }
}
