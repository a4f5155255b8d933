//! Gradient-boosted trees for an outcome: interactions and curves that a regression does not see.
//!
//! Boosting by the log loss (Friedman 2001) with the second-order steps and leaves of Chen and Guestrin (2016), over
//! columns cut into at most 64 bins. Trees are shallow, steps are short, and how many there are is found on customers
//! who are not learnt from. Unknown values go to whichever side of a split does better. Rows are summed in their order
//! on one thread, and of splits that are as good the first is taken: the same rows give the same trees.
//!
//! Not the `perpetual` crate: how many nodes its trees may have follows from the memory that is free, so that two
//! machines may learn different models of the same rows. Not linfa-trees: it has single trees only.

use ndarray::{Array2, ArrayView1};

use super::fit_error::{FitError, FitResult};
use super::score::probability;
use crate::error::Error;

/// The values of a column that part its bins.
const MOST_EDGES: usize = 63;
/// A bin for values that are unknown, beyond those of the edges.
const UNKNOWN: u8 = 255;
const LEARNING_RATE: f64 = 0.1;
/// So many splits one below the other.
const DEPTH: usize = 4;
/// A leaf has at least so many rows.
const FEWEST_ROWS: usize = 20;
/// The L2 penalty of leaves.
const LAMBDA: f64 = 1.0;
/// A split must lower the loss by more.
const LEAST_GAIN: f64 = 1e-6;
const MOST_TREES: usize = 200;
/// Trees without a lower loss on the others before it is given up.
const PATIENCE: usize = 20;

/// Trees whose leaves add up to log-odds.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostedTrees {
    /// The log-odds before any tree.
    pub base: f64,
    pub trees: Vec<Tree>,
}

/// A tree: its first node is the root.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    pub nodes: Vec<Node>,
}

/// A node of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// What the node would add were it a leaf: the step that fits all its rows.
    pub value: f64,
    pub split: Option<Split>,
}

/// Where the rows of a node go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    pub column: usize,
    /// Values up to this one go left.
    pub at: f64,
    pub unknown_left: bool,
    pub left: usize,
    pub right: usize,
}

impl Split {
    fn next(&self, value: f64) -> usize {
        let is_left = if value.is_nan() { self.unknown_left } else { value <= self.at };
        if is_left { self.left } else { self.right }
    }
}

impl BoostedTrees {
    /// Returns the log-odds of a row; unknown values are NaN.
    pub fn log_odds(&self, row: ArrayView1<f64>) -> f64 {
        self.trees.iter().fold(self.base, |sum, tree| sum + tree.value(row))
    }

    /// Returns what each column adds to the log-odds of a row, against the average row: on the way down a tree, each
    /// split adds the difference of the node below to the node above (Saabas 2014).
    pub fn contributions(&self, row: ArrayView1<f64>, added: &mut [f64]) {
        added.fill(0.0);
        for tree in &self.trees {
            let mut at = 0;
            while let Some(split) = tree.nodes[at].split {
                let next = split.next(row[split.column]);
                added[split.column] += tree.nodes[next].value - tree.nodes[at].value;
                at = next;
            }
        }
    }
}

impl Tree {
    fn value(&self, row: ArrayView1<f64>) -> f64 {
        let mut at = 0;
        while let Some(split) = self.nodes[at].split {
            at = split.next(row[split.column]);
        }
        self.nodes[at].value
    }
}

impl Tree {
    /// Returns the tree as text: of each node its value, and of its split the column, the bound, the side of unknown
    /// values and the nodes below. Numbers come back to the last bit.
    pub fn to_note(&self) -> String {
        let nodes = self.nodes.iter().map(|node| match node.split {
            None => format!("{}", node.value),
            Some(Split { column, at, unknown_left, left, right }) => {
                let side = if unknown_left { "left" } else { "right" };
                format!("{} {column} {at} {side} {left} {right}", node.value)
            }
        });
        nodes.collect::<Vec<_>>().join("; ")
    }

    /// Returns the tree of a text; `None` where it is none, or a node leads nowhere or back.
    pub fn from_note(note: &str) -> Option<Tree> {
        let mut nodes = Vec::new();
        for (place, text) in note.split("; ").enumerate() {
            let parts: Vec<&str> = text.split(' ').collect();
            let split = match parts[1..] {
                [] => None,
                [column, at, side @ ("left" | "right"), left, right] => Some(Split {
                    column: column.parse().ok()?,
                    at: at.parse().ok()?,
                    unknown_left: side == "left",
                    left: left.parse().ok().filter(|next| *next > place)?,
                    right: right.parse().ok().filter(|next| *next > place)?,
                }),
                _ => return None,
            };
            nodes.push(Node { value: parts.first()?.parse().ok()?, split });
        }
        let count = nodes.len();
        let leads_on = |node: &Node| node.split.is_none_or(|split| split.left < count && split.right < count);
        nodes.iter().all(leads_on).then_some(Tree { nodes })
    }

    /// Returns the columns that the tree reads.
    pub fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.nodes.iter().filter_map(|node| node.split.map(|split| split.column))
    }
}

/// Learns outcomes of rows (rows × columns, NaN where unknown) by so many trees.
pub fn fit(rows: &Array2<f64>, outcomes: &[bool], trees: usize) -> FitResult<BoostedTrees> {
    let mut boosting = Boosting::of(rows, outcomes)?;
    for _ in 0..trees {
        if !boosting.add_tree() {
            break;
        }
    }
    Ok(boosting.model)
}

/// Returns how many trees, learnt of some rows, have the least log loss on others, and the log-odds of the others by
/// so many.
pub fn number_of_trees(
    (rows, outcomes): (&Array2<f64>, &[bool]),
    (others, others_outcomes): (&Array2<f64>, &[bool]),
) -> FitResult<(usize, Vec<f64>)> {
    let mut boosting = Boosting::of(rows, outcomes)?;
    let mut log_odds = vec![boosting.model.base; others_outcomes.len()];
    let loss = |log_odds: &[f64]| -> f64 {
        log_odds
            .iter()
            .zip(others_outcomes)
            .map(|(z, y)| (-z.abs()).exp().ln_1p() + z.max(0.0) - f64::from(u8::from(*y)) * z)
            .sum()
    };
    let (mut best, mut least) = ((0, log_odds.clone()), loss(&log_odds));
    for count in 1..=MOST_TREES {
        if !boosting.add_tree() {
            break;
        }
        let Some(tree) = boosting.model.trees.last() else { break };
        for (sum, row) in log_odds.iter_mut().zip(others.rows()) {
            *sum += tree.value(row);
        }
        let now = loss(&log_odds);
        if now < least {
            (best, least) = ((count, log_odds.clone()), now);
        } else if count - best.0 >= PATIENCE {
            break;
        }
    }
    Ok(best)
}

/// A model that grows.
struct Boosting<'a> {
    outcomes: &'a [bool],
    /// Per column: the upper ends of the bins, and the bin of each row.
    edges: Vec<Vec<f64>>,
    bins: Vec<Vec<u8>>,
    log_odds: Vec<f64>,
    model: BoostedTrees,
}

/// The first and second derivative of the loss, summed, and the number of rows.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    gradient: f64,
    hessian: f64,
    rows: usize,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.gradient += other.gradient;
        self.hessian += other.hessian;
        self.rows += other.rows;
    }

    fn without(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
            rows: self.rows - other.rows,
        }
    }

    fn step(self) -> f64 {
        -LEARNING_RATE * self.gradient / (self.hessian + LAMBDA)
    }

    fn gain(self) -> f64 {
        self.gradient * self.gradient / (self.hessian + LAMBDA)
    }
}

/// A split as it is found: the column, the last bin that goes left, the side of unknown values, and the gain.
#[derive(Debug, Clone, Copy)]
struct Found {
    column: usize,
    bin: usize,
    unknown_left: bool,
    gain: f64,
}

impl<'a> Boosting<'a> {
    fn of(rows: &Array2<f64>, outcomes: &'a [bool]) -> FitResult<Boosting<'a>> {
        if rows.nrows() != outcomes.len() {
            return Err(Error::failed("the features and their outcomes do not fit together").into());
        }
        let with = outcomes.iter().filter(|outcome| **outcome).count();
        if with == 0 || with == outcomes.len() {
            return Err(FitError::NotFitted(format!(
                "the outcome came for {with} of {} customers: there is no difference to learn",
                outcomes.len()
            )));
        }
        let rate = with as f64 / outcomes.len() as f64;
        let base = (rate / (1.0 - rate)).ln();
        let (mut edges, mut bins) = (Vec::new(), Vec::new());
        for column in rows.columns() {
            let of_column = edges_of(column.iter().copied().filter(|value| !value.is_nan()).collect());
            let bin = |value: &f64| match value.is_nan() {
                true => UNKNOWN,
                false => of_column.partition_point(|edge| edge < value) as u8,
            };
            bins.push(column.iter().map(bin).collect());
            edges.push(of_column);
        }
        let model = BoostedTrees { base, trees: Vec::new() };
        Ok(Boosting { outcomes, edges, bins, log_odds: vec![base; outcomes.len()], model })
    }

    /// Adds a tree; false where no split lowers the loss.
    fn add_tree(&mut self) -> bool {
        let slopes: Vec<Sums> = self
            .log_odds
            .iter()
            .zip(self.outcomes)
            .map(|(z, outcome)| {
                let p = probability(*z);
                Sums { gradient: p - f64::from(u8::from(*outcome)), hessian: p * (1.0 - p), rows: 1 }
            })
            .collect();
        let mut tree = Tree::default();
        let all: Vec<u32> = (0..self.outcomes.len() as u32).collect();
        self.grow(&mut tree, all, &slopes, DEPTH);
        if tree.nodes.len() < 2 {
            return false;
        }
        self.model.trees.push(tree);
        true
    }

    /// Adds a node with these rows, and those below it; returns its place.
    fn grow(&mut self, tree: &mut Tree, rows: Vec<u32>, slopes: &[Sums], depth: usize) -> usize {
        let mut total = Sums::default();
        rows.iter().for_each(|row| total.add(slopes[*row as usize]));
        let place = tree.nodes.len();
        tree.nodes.push(Node { value: total.step(), split: None });
        let found = if depth == 0 { None } else { self.best_split(&rows, slopes, total) };
        let Some(Found { column, bin, unknown_left, .. }) = found else {
            rows.iter().for_each(|row| self.log_odds[*row as usize] += total.step());
            return place;
        };
        let bins = &self.bins[column];
        let is_left = |row: &u32| match bins[*row as usize] {
            UNKNOWN => unknown_left,
            of_row => usize::from(of_row) <= bin,
        };
        let (left_rows, right_rows): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(is_left);
        let at = self.edges[column][bin];
        let left = self.grow(tree, left_rows, slopes, depth - 1);
        let right = self.grow(tree, right_rows, slopes, depth - 1);
        tree.nodes[place].split = Some(Split { column, at, unknown_left, left, right });
        place
    }

    fn best_split(&self, rows: &[u32], slopes: &[Sums], total: Sums) -> Option<Found> {
        let mut best: Option<Found> = None;
        for (column, bins) in self.bins.iter().enumerate() {
            let edges = self.edges[column].len();
            let mut by_bin = vec![Sums::default(); edges + 1];
            let mut unknown = Sums::default();
            for row in rows {
                match bins[*row as usize] {
                    UNKNOWN => unknown.add(slopes[*row as usize]),
                    bin => by_bin[usize::from(bin)].add(slopes[*row as usize]),
                }
            }
            let mut known_left = Sums::default();
            // Beyond the last edge there is a bin, which is always on the right.
            for (bin, sums) in by_bin[..edges].iter().enumerate() {
                known_left.add(*sums);
                for unknown_left in [true, false] {
                    if !unknown_left && unknown.rows == 0 {
                        continue;
                    }
                    let mut left = known_left;
                    if unknown_left {
                        left.add(unknown);
                    }
                    let right = total.without(left);
                    if left.rows < FEWEST_ROWS || right.rows < FEWEST_ROWS {
                        continue;
                    }
                    let gain = left.gain() + right.gain() - total.gain();
                    if gain > best.map_or(LEAST_GAIN, |best| best.gain) {
                        best = Some(Found { column, bin, unknown_left, gain });
                    }
                }
            }
        }
        best
    }
}

/// The values that part a column: all between its smallest and its largest where there are few, quantiles where there
/// are many. The largest parts nothing.
fn edges_of(mut known: Vec<f64>) -> Vec<f64> {
    known.sort_unstable_by(f64::total_cmp);
    let mut distinct = known.clone();
    distinct.dedup();
    distinct.pop();
    if distinct.len() <= MOST_EDGES {
        return distinct;
    }
    let largest = known[known.len() - 1];
    let mut edges: Vec<f64> =
        (1..=MOST_EDGES).map(|n| known[(known.len() * n / (MOST_EDGES + 1)).max(1) - 1]).collect();
    edges.dedup();
    edges.retain(|edge| *edge < largest);
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::metrics;
    use crate::mining::test_data::uniform;

    /// An outcome that hangs on two columns together, `x > .5` and `y > .5` or neither, and a third that says nothing.
    fn crossed(rows: usize, seed: u64) -> (Array2<f64>, Vec<bool>) {
        let u = uniform(rows * 4, seed);
        let matrix = Array2::from_shape_fn((rows, 3), |(row, column)| u[4 * row + column]);
        let outcomes = (0..rows)
            .map(|row| {
                let alike = (u[4 * row] > 0.5) == (u[4 * row + 1] > 0.5);
                u[4 * row + 3] < if alike { 0.8 } else { 0.2 }
            })
            .collect();
        (matrix, outcomes)
    }

    fn scores(model: &BoostedTrees, rows: &Array2<f64>) -> Vec<f64> {
        rows.rows().into_iter().map(|row| probability(model.log_odds(row))).collect()
    }

    #[test]
    fn what_two_columns_say_together_is_learnt() {
        let ((rows, outcomes), (others, of_others)) = (crossed(4000, 1), crossed(4000, 2));
        let (trees, of_the_others) = number_of_trees((&rows, &outcomes), (&others, &of_others)).unwrap();
        assert!((10..MOST_TREES).contains(&trees), "{trees} trees");
        let model = fit(&rows, &outcomes, trees).unwrap();
        let first = others.rows().into_iter().next().unwrap();
        assert!((model.log_odds(first) - of_the_others[0]).abs() < 1e-9);
        let (test, of_test) = crossed(4000, 3);
        let auc = metrics::auc(&scores(&model, &test), &of_test).unwrap();
        // Who knew the rule would have .8: a mere sum of the columns has .5.
        assert!(auc > 0.785, "{auc}");
        let mean = scores(&model, &test).iter().sum::<f64>() / 4000.0;
        assert!((mean - metrics::base_rate(&of_test).unwrap()).abs() < 0.02, "{mean}");
    }

    #[test]
    fn contributions_add_up_and_a_column_that_says_nothing_adds_little() {
        let (rows, outcomes) = crossed(4000, 1);
        let model = fit(&rows, &outcomes, 40).unwrap();
        let roots: f64 = model.trees.iter().map(|tree| tree.nodes[0].value).sum();
        let mut sums = [0.0; 3];
        let mut added = [0.0; 3];
        for row in rows.rows() {
            model.contributions(row, &mut added);
            let whole = model.base + roots + added.iter().sum::<f64>();
            assert!((whole - model.log_odds(row)).abs() < 1e-9);
            added.iter().zip(&mut sums).for_each(|(a, sum)| *sum += a.abs());
        }
        assert!(sums[2] < 0.3 * sums[0] && sums[2] < 0.3 * sums[1], "{sums:?}");
    }

    #[test]
    fn a_tree_comes_back_from_its_text_and_a_broken_text_is_none() {
        let (rows, outcomes) = crossed(2000, 1);
        for tree in fit(&rows, &outcomes, 5).unwrap().trees {
            assert_eq!(Tree::from_note(&tree.to_note()), Some(tree));
        }
        for broken in ["", "a", "1 0", "1 0 0.5 left 1 2", "1 0 0.5 left 0 1; 2", "1 0 0.5 up 1 2; 1; 1"] {
            assert_eq!(Tree::from_note(broken), None, "{broken}");
        }
    }

    #[test]
    fn not_to_know_a_value_can_say_something() {
        let u = uniform(3000, 4);
        let rows = Array2::from_shape_fn((1500, 1), |(row, _)| if row % 3 == 0 { f64::NAN } else { u[row] });
        let outcomes: Vec<bool> =
            (0..1500).map(|row| u[1500 + row] < if row % 3 == 0 { 0.9 } else { 0.1 }).collect();
        let model = fit(&rows, &outcomes, 50).unwrap();
        let chance = |value: f64| probability(model.log_odds(ArrayView1::from(&[value])));
        assert!(chance(f64::NAN) > 0.8 && chance(0.5) < 0.2, "{} {}", chance(f64::NAN), chance(0.5));
    }

    #[test]
    fn noise_is_not_learnt_and_one_outcome_is_a_reason() {
        let u = uniform(8000, 6);
        let rows = Array2::from_shape_fn((2000, 2), |(row, column)| u[2 * row + column]);
        let outcomes: Vec<bool> = (0..2000).map(|row| u[4000 + row] < 0.3).collect();
        let others = Array2::from_shape_fn((2000, 2), |(row, column)| u[6000 + (row + column) % 2000]);
        let of_others: Vec<bool> = uniform(2000, 7).iter().map(|u| *u < 0.3).collect();
        let (trees, _) = number_of_trees((&rows, &outcomes), (&others, &of_others)).unwrap();
        assert!(trees < 10, "{trees} trees of noise");
        let FitError::NotFitted(reason) = fit(&rows, &[true; 2000], 5).unwrap_err() else {
            panic!("an error")
        };
        assert!(reason.contains("came for 2000 of 2000"), "{reason}");
    }

    #[test]
    fn edges_are_all_values_of_few_and_quantiles_of_many() {
        assert_eq!(edges_of(vec![2.0, 1.0, 1.0, 3.0]), [1.0, 2.0]);
        assert_eq!(edges_of(vec![1.0; 9]), [0.0; 0]);
        let many = edges_of((0..64_000).map(f64::from).collect());
        assert_eq!((many.len(), many[0], many[62]), (63, 999.0, 62_999.0));
        // Most have nothing: they are one bin.
        let skewed = edges_of((0..1000).map(|n| f64::from(if n < 900 { 0 } else { n })).collect());
        assert_eq!(skewed[0], 0.0);
        assert!(skewed.len() < 10);
    }
}
