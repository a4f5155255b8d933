//! What the retailer pays for each piece of work, and the taxes in its prices. Money in cents.

use crate::demo::calendar::{DAY, Moment};

/// A rate as the accounts department lists it: item, value in thousandths, unit, the day from which it holds.
pub(in crate::demo) const RATES: [(&str, i64, &str, &str); 8] = [
    ("livraison", 4_900, "€ par colis", "01/01/2024"),
    ("livraison", 5_200, "€ par colis", "01/01/2026"),
    ("retour magasin", 1_600, "€ par retour", "01/01/2024"),
    ("retour web", 5_900, "€ par retour", "01/01/2024"),
    ("relance", 3_200, "€ par relance", "01/01/2024"),
    ("visite", 95_000, "€ par visite", "01/01/2024"),
    ("TVA", 20_000, "% du prix hors taxes", "01/01/2024"),
    ("crédit", 8_000, "% par an", "01/01/2024"),
];
pub(super) const CALL: i64 = 450;
pub(super) const RETURN_IN_SHOP: i64 = 160;
pub(super) const RETURN_BY_PARCEL: i64 = 590;
const REMINDER: i64 = 320;
const REMINDER_DAYS: i64 = 30;
/// Days from the first midnight of the history to that of 2026, when parcels get dearer.
const DEARER_FROM: Moment = 549 * DAY;

/// Returns a quotient rounded to the nearest, halves away from zero.
fn rounded(numerator: i64, denominator: i64) -> i64 {
    let half = denominator / 2 * numerator.signum();
    (numerator + half) / denominator
}

/// Returns the tax that is in a price with taxes of 20%.
pub(super) fn tax(with_tax: i64) -> i64 {
    rounded(with_tax, 6)
}

pub(super) fn parcel(at: Moment) -> i64 {
    if at >= DEARER_FROM { 520 } else { 490 }
}

/// Returns what it costs to wait for money: interest at 8% a year, and a reminder for every thirty days begun.
pub(super) fn waiting(amount: i64, days: i64) -> i64 {
    rounded(amount * 8 * days, 36_500) + REMINDER * ((days + REMINDER_DAYS - 1) / REMINDER_DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::calendar::day;

    #[test]
    fn halves_of_a_cent_are_rounded_away_from_zero() {
        assert_eq!([3, -3, 9, 10, -10].map(tax), [1, -1, 2, 2, -2]);
    }

    #[test]
    fn parcels_get_dearer_on_new_years_day_of_2026() {
        assert_eq!(day(DEARER_FROM).to_string(), "2026-01-01");
        assert_eq!([parcel(DEARER_FROM - 1), parcel(DEARER_FROM)], [490, 520]);
    }

    #[test]
    fn a_bill_a_day_late_costs_a_reminder_and_the_interest_of_a_day() {
        // 100 euros at 8% for a day are 2.19 cents.
        assert_eq!(waiting(10_000, 1), 2 + 320);
        assert_eq!(waiting(10_000, 31), 68 + 640);
    }
}
