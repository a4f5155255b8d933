//! Groups of so few customers that a sum over them would tell something of one person.

use super::language::Language;

/// Groups of fewer customers are not shown alone.
pub(super) const LEAST_CUSTOMERS: i64 = 5;

/// Groups, and those that may only be shown together.
#[derive(Debug, PartialEq)]
pub(super) struct Groups<T> {
    /// Large enough, in the order in which they came.
    pub shown: Vec<T>,
    /// Too small, and where these together are too small as well, the smallest of the others: who knows the sum of all
    /// could else subtract.
    pub together: Vec<T>,
}

impl<T> Groups<T> {
    /// Tells groups apart by how many customers they have; a group of none says nothing of anybody.
    pub fn of(groups: Vec<T>, customers: impl Fn(&T) -> i64) -> Groups<T> {
        let (mut together, mut shown): (Vec<T>, Vec<T>) =
            groups.into_iter().partition(|group| is_small(customers(group)));
        if is_small(together.iter().map(&customers).sum()) {
            let others = shown.iter().enumerate().filter(|(_, group)| customers(group) > 0);
            if let Some((smallest, _)) = others.min_by_key(|(place, group)| (customers(group), *place)) {
                together.push(shown.remove(smallest));
            }
        }
        Groups { shown, together }
    }
}

/// Returns whether so many customers are too few to be shown alone.
pub(super) fn is_small(customers: i64) -> bool {
    (1..LEAST_CUSTOMERS).contains(&customers)
}

impl Language {
    /// Returns a number of customers; of a few only that they are few.
    pub(super) fn customers(self, customers: i64) -> String {
        if is_small(customers) { format!("<\u{202f}{LEAST_CUSTOMERS}") } else { self.count(customers) }
    }

    /// Returns an amount that so many customers make up; of a few it is not told.
    pub(super) fn amount_of(self, customers: i64, amount: f64, decimals: usize) -> String {
        if is_small(customers) { "–".to_owned() } else { self.decimal(amount, decimals) }
    }

    /// Says of a table which of its groups stand together or are left out; nothing where all are shown.
    pub(super) fn small_groups(self, together: usize) -> Option<String> {
        let groups = i64::try_from(together).unwrap_or(i64::MAX);
        (together > 0).then(|| {
            let groups = self.counted(
                groups,
                self.text("group", "groupe"),
                self.text("groups", "groupes"),
            );
            self.text(
                format!(
                    "Left out: {groups} of fewer than {LEAST_CUSTOMERS} customers, or that would tell of such a group."
                ),
                format!(
                    "Hors tableau : {groups} de moins de {LEAST_CUSTOMERS} clients, ou qui révéleraient un tel groupe."
                ),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_few_neither_count_nor_amount_is_told() {
        let language = Language::English;
        assert_eq!([0, 4, 5].map(|customers| language.customers(customers)), ["0", "<\u{202f}5", "5"]);
        assert_eq!([0, 4, 5].map(|customers| language.amount_of(customers, 7.5, 1)), ["7.5", "–", "7.5"]);
        assert_eq!(language.small_groups(0), None);
        assert!(language.small_groups(2).is_some_and(|text| text.contains("2\u{a0}groups of fewer than 5")));
    }

    fn of(groups: &[i64]) -> (Vec<i64>, Vec<i64>) {
        let groups = Groups::of(groups.to_vec(), |customers| *customers);
        (groups.shown, groups.together)
    }

    #[test]
    fn small_groups_are_shown_together_only() {
        assert_eq!(of(&[7, 3, 0, 4, 5]), (vec![7, 0, 5], vec![3, 4]));
        assert_eq!(of(&[7, 5]), (vec![7, 5], vec![]));
    }

    #[test]
    fn one_small_group_takes_the_smallest_other_with_it() {
        assert_eq!(of(&[9, 3, 6, 0]), (vec![9, 0], vec![3, 6]));
        assert_eq!(of(&[3]), (vec![], vec![3]));
    }
}
