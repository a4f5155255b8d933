//! A directed acyclic graph of named nodes, ordered the same way every time.

use std::collections::{BTreeMap, BTreeSet};

/// Nodes and, for each, the nodes it needs. Iteration is in a stable order.
#[derive(Debug, Clone)]
pub struct Dag<T: Ord> {
    needs: BTreeMap<T, BTreeSet<T>>,
}

/// A chain of nodes that ends where it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle<T>(pub Vec<T>);

impl<T: Ord + Clone> Dag<T> {
    /// Builds the graph; an edge to an unknown node is left out (it is an input from outside).
    ///
    /// # Errors
    /// Edges that make a cycle: its nodes.
    pub fn new(edges: impl IntoIterator<Item = (T, BTreeSet<T>)>) -> Result<Self, Cycle<T>> {
        let mut needs: BTreeMap<T, BTreeSet<T>> = edges.into_iter().collect();
        let known: BTreeSet<T> = needs.keys().cloned().collect();
        for inputs in needs.values_mut() {
            inputs.retain(|input| known.contains(input));
        }
        let dag = Dag { needs };
        match dag.find_cycle() {
            Some(cycle) => Err(cycle),
            None => Ok(dag),
        }
    }

    fn find_cycle(&self) -> Option<Cycle<T>> {
        let mut done = BTreeSet::new();
        for start in self.needs.keys() {
            // An explicit stack: a long chain of models must not overflow ours.
            let mut path: Vec<(&T, Vec<&T>)> = vec![(start, self.needs[start].iter().collect())];
            while let Some((node, rest)) = path.last_mut() {
                match rest.pop() {
                    Some(next) if done.contains(next) => {}
                    Some(next) => {
                        if let Some(from) = path.iter().position(|(n, _)| *n == next) {
                            let mut chain: Vec<T> = path[from..].iter().map(|(n, _)| (*n).clone()).collect();
                            chain.push(next.clone());
                            // From input to what is made of it, as the data flows.
                            chain.reverse();
                            return Some(Cycle(chain));
                        }
                        path.push((next, self.needs[next].iter().collect()));
                    }
                    None => {
                        done.insert(*node);
                        path.pop();
                    }
                }
            }
        }
        None
    }

    pub fn nodes(&self) -> impl Iterator<Item = &T> {
        self.needs.keys()
    }

    /// Returns the nodes this one reads from, directly.
    pub fn needs(&self, node: &T) -> impl Iterator<Item = &T> {
        self.needs.get(node).into_iter().flatten()
    }

    /// Returns each node after everything it needs; ties in the nodes' own order.
    pub fn order(&self) -> Vec<T> {
        let mut waiting: BTreeMap<&T, usize> =
            self.needs.iter().map(|(node, inputs)| (node, inputs.len())).collect();
        let mut ready: BTreeSet<&T> =
            waiting.iter().filter(|(_, n)| **n == 0).map(|(node, _)| *node).collect();
        let mut order = Vec::with_capacity(self.needs.len());
        while let Some(node) = ready.pop_first() {
            order.push(node.clone());
            for (other, inputs) in &self.needs {
                if inputs.contains(node) {
                    let left = waiting.get_mut(other).expect("every node is waiting");
                    *left -= 1;
                    if *left == 0 {
                        ready.insert(other);
                    }
                }
            }
        }
        order
    }

    /// Everything the nodes need, directly or not, the nodes included.
    pub fn upstream<'a>(&'a self, from: impl IntoIterator<Item = &'a T>) -> BTreeSet<T> {
        self.reach(from, |node| self.needs(node).cloned().collect())
    }

    /// Everything that needs the nodes, directly or not, the nodes included.
    pub fn downstream<'a>(&'a self, from: impl IntoIterator<Item = &'a T>) -> BTreeSet<T> {
        self.reach(from, |node| {
            self.needs
                .iter()
                .filter(|(_, inputs)| inputs.contains(node))
                .map(|(other, _)| other.clone())
                .collect()
        })
    }

    fn reach<'a>(
        &'a self,
        from: impl IntoIterator<Item = &'a T>,
        next: impl Fn(&T) -> Vec<T>,
    ) -> BTreeSet<T> {
        let mut stack: Vec<T> = from.into_iter().cloned().collect();
        let mut seen = BTreeSet::new();
        while let Some(node) = stack.pop() {
            if seen.insert(node.clone()) {
                stack.extend(next(&node));
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dag(edges: &[(&'static str, &[&'static str])]) -> Result<Dag<&'static str>, Cycle<&'static str>> {
        Dag::new(edges.iter().map(|(n, i)| (*n, i.iter().copied().collect())))
    }

    #[test]
    fn a_node_comes_after_what_it_needs() {
        let dag = dag(&[("d", &["b", "c"]), ("c", &["a"]), ("b", &["a"]), ("a", &["outside"])]).unwrap();
        assert_eq!(dag.order(), ["a", "b", "c", "d"]);
        assert_eq!(dag.upstream([&"c"]).into_iter().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(dag.downstream([&"b"]).into_iter().collect::<Vec<_>>(), ["b", "d"]);
    }

    #[test]
    fn a_cycle_is_reported_as_a_chain() {
        let Cycle(chain) = dag(&[("x", &["z"]), ("y", &["x"]), ("z", &["y"])]).unwrap_err();
        assert_eq!(chain, ["x", "y", "z", "x"]);
        assert_eq!(dag(&[("a", &["a"])]).unwrap_err(), Cycle(vec!["a", "a"]));
    }
}
