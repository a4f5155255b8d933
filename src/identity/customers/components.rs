//! Connected components of records: union-find (Tarjan 1975), smallest record as root.

/// Records are numbered from 0.
#[derive(Debug, Default)]
pub struct Components {
    parent: Vec<u32>,
}

impl Components {
    /// Makes the record known.
    pub fn add(&mut self, record: u32) {
        while self.parent.len() <= record as usize {
            self.parent.push(self.parent.len() as u32);
        }
    }

    pub fn knows(&self, record: u32) -> bool {
        self.parent.len() > record as usize
    }

    /// Joins the components of two roots; the smaller becomes the root of both, so that the root
    /// says which customer it is.
    pub fn unite(&mut self, a: u32, b: u32) -> u32 {
        self.parent[a.max(b) as usize] = a.min(b);
        a.min(b)
    }

    /// Returns the smallest record of the component.
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
    fn the_smallest_record_is_the_root_of_all_that_are_joined() {
        let mut c = Components::default();
        (0..5).for_each(|record| c.add(record));
        for (a, b) in [(3, 1), (4, 3), (2, 0)] {
            let (a, b) = (c.root(a), c.root(b));
            c.unite(a, b);
        }
        assert_eq!((0..5).map(|r| c.root(r)).collect::<Vec<_>>(), [0, 1, 0, 1, 1]);
    }
}
