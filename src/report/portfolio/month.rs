//! A month of the portfolio: how many customers were won, came back, are worth more, less, or were lost, and what that
//! changed.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::error::Result;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::small_groups::is_small;

const COLUMNS: [Column; 4] = [
    ("month", Holds::Day),
    ("category", Holds::Text),
    ("customers", Holds::Count),
    ("amount", Holds::Number),
];
const SQL: &str = "
    select month, category, cast(sum(customers) as bigint) as customers, sum(amount) as amount
    from mart.portfolio_movement where month is not null
    group by month, category order by month, category";

/// The ways in which a portfolio moves, in the order in which they are stacked.
pub(super) const CATEGORIES: [&str; 5] = ["won", "returned", "grown", "lost", "shrunk"];
const WON: usize = 0;
const RETURNED: usize = 1;
const GROWN: usize = 2;
const LOST: usize = 3;
const SHRUNK: usize = 4;

/// How many customers moved in one way, and by how much.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Moved {
    pub customers: i64,
    pub amount: f64,
}

impl Moved {
    fn with(self, other: Moved) -> Moved {
        Moved { customers: self.customers + other.customers, amount: self.amount + other.amount }
    }
}

/// A month, by [`CATEGORIES`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Month {
    pub month: NaiveDate,
    pub moved: [Moved; 5],
}

impl Month {
    /// Returns the customers who were won or came back.
    pub fn gained_customers(&self) -> i64 {
        self.moved[WON].customers + self.moved[RETURNED].customers
    }

    pub fn lost_customers(&self) -> i64 {
        self.moved[LOST].customers
    }

    /// Returns what was added: by who was won, came back or is worth more.
    pub fn gain(&self) -> Moved {
        self.moved[WON].with(self.moved[RETURNED]).with(self.moved[GROWN])
    }

    /// Returns what was taken away: by who was lost or is worth less.
    pub fn loss(&self) -> Moved {
        self.moved[LOST].with(self.moved[SHRUNK])
    }

    /// Returns the amounts as they may be shown: what a few customers changed stands with the next kind of the same sign;
    /// what is still of a few is left out.
    pub fn amounts(&self) -> [f64; 5] {
        let mut amounts = [0.0; 5];
        for chain in [&[RETURNED, WON, GROWN][..], &[LOST, SHRUNK]] {
            let mut carried = Moved::default();
            for kind in chain {
                let moved = carried.with(self.moved[*kind]);
                carried = Moved::default();
                if is_small(moved.customers) {
                    carried = moved;
                } else {
                    amounts[*kind] = moved.amount;
                }
            }
        }
        amounts
    }
}

/// Returns the months in their order; `None` where there is no table or no month in it.
///
/// # Errors
/// The table cannot be read.
pub(super) async fn read(reader: &mut Reader<'_>) -> Result<Option<Vec<Month>>> {
    let Some(rows) = reader.rows("mart.portfolio_movement", &COLUMNS, SQL).await? else { return Ok(None) };
    let mut months: BTreeMap<NaiveDate, Month> = BTreeMap::new();
    for row in rows.numbers() {
        let Some(day) = rows.day("month", row)? else { continue };
        let month = months.entry(day).or_insert(Month { month: day, moved: Default::default() });
        let category = rows.text("category", row)?;
        if let Some(kind) = CATEGORIES.iter().position(|known| *known == category) {
            month.moved[kind] =
                Moved { customers: rows.count("customers", row)?, amount: rows.amount("amount", row)? };
        }
    }
    Ok(Some(months.into_values().collect::<Vec<_>>()).filter(|months| !months.is_empty()))
}

/// Returns the last twelve of them.
pub(super) fn last_year(months: &[Month]) -> &[Month] {
    &months[months.len().saturating_sub(12)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(moved: [(i64, f64); 5]) -> Month {
        let moved = moved.map(|(customers, amount)| Moved { customers, amount });
        Month { month: "2026-06-01".parse().unwrap(), moved }
    }

    #[test]
    fn what_a_few_customers_changed_stands_with_others() {
        let month = month([(10, 100.0), (2, 7.0), (20, 50.0), (3, -9.0), (8, -30.0)]);
        assert_eq!(month.amounts(), [107.0, 0.0, 50.0, 0.0, -39.0]);
        assert_eq!(month.gain(), Moved { customers: 32, amount: 157.0 });
        assert_eq!((month.gained_customers(), month.lost_customers()), (12, 3));
    }

    #[test]
    fn what_no_others_hide_is_left_out() {
        assert_eq!(month([(1, 9.0), (1, 7.0), (1, 5.0), (2, -9.0), (1, -3.0)]).amounts(), [0.0; 5]);
        assert_eq!(month([(0, 0.0), (0, 0.0), (6, 5.0), (0, 0.0), (0, 0.0)]).amounts()[2], 5.0);
    }
}
