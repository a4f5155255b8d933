//! The lines of an order: favourites bought again when they run out, and sometimes something new.

use rand::Rng;

use super::archetype::Archetype;
use super::calendar::{DAY, Moment};
use super::catalogue::Catalogue;
use super::person::Person;
use super::random_streams::{Purpose, Stream, count, happens, stream};

/// A line of an order. Money in cents.
#[derive(Debug, Clone)]
pub struct Line {
    pub product: usize,
    pub quantity: i64,
    pub unit_price: i64,
    /// Taken off the whole line.
    pub discount: i64,
}

impl Line {
    pub fn net(&self) -> i64 {
        self.quantity * self.unit_price - self.discount
    }
}

/// A person's taste, and when each favourite was last bought.
pub struct Shopper<'a> {
    catalogue: &'a Catalogue,
    archetype: Archetype,
    favourites: Vec<(usize, Option<Moment>)>,
    rng: Stream,
}

impl<'a> Shopper<'a> {
    pub fn new(seed: u64, person: &Person, archetype: Archetype, catalogue: &'a Catalogue) -> Self {
        let mut rng = stream(seed, Purpose::Baskets, person.number);
        let favourites = (0..rng.gen_range(4..10)).map(|_| (taste(&mut rng, archetype), None)).collect();
        Shopper { catalogue, archetype, favourites, rng }
    }

    /// Returns the lines of the next order; calls must come in order of time.
    pub fn fill(&mut self, at: Moment) -> Vec<Line> {
        let habits = self.archetype.habits();
        let lines = 1 + count(&mut self.rng, habits.lines - 1.0);
        (0..lines).map(|_| self.line(at, habits.discount)).collect()
    }

    fn line(&mut self, at: Moment, discounts: f64) -> Line {
        let product = match self.most_due(at) {
            Some(favourite) if happens(&mut self.rng, 0.7) => {
                self.favourites[favourite].1 = Some(at);
                self.favourites[favourite].0
            }
            _ => taste(&mut self.rng, self.archetype),
        };
        let unit_price = self.catalogue.products[product].price;
        let quantity = 1 + i64::from(count(&mut self.rng, 0.25));
        let rebate =
            if happens(&mut self.rng, discounts) { [10, 20, 30][self.rng.gen_range(0..3)] } else { 0 };
        Line { product, quantity, unit_price, discount: quantity * unit_price * rebate / 100 }
    }

    /// Returns the favourite whose time has come most, if any has.
    fn most_due(&mut self, at: Moment) -> Option<usize> {
        let fresh = self.rng.gen_range(0..self.favourites.len());
        let due = |(product, last): &(usize, Option<Moment>)| match last {
            None => 1.0,
            Some(last) => (at - last) as f64 / DAY as f64 / self.catalogue.products[*product].rhythm_days,
        };
        // Starting anywhere, so that favourites never bought yet come in any order.
        (0..self.favourites.len())
            .map(|i| (i + fresh) % self.favourites.len())
            .max_by(|a, b| due(&self.favourites[*a]).total_cmp(&due(&self.favourites[*b])))
            .filter(|i| due(&self.favourites[*i]) > 0.7)
    }
}

/// Returns a product that the archetype likes.
pub(super) fn taste(rng: &mut Stream, archetype: Archetype) -> usize {
    let habits = archetype.habits();
    let category = if happens(rng, 0.85) {
        habits.tastes[rng.gen_range(0..habits.tastes.len())]
    } else {
        rng.gen_range(0..super::catalogue::CATEGORIES.len())
    };
    let band = if happens(rng, 0.75) { habits.price_band } else { rng.gen_range(0..3) };
    rng.gen_range(Catalogue::band(category, band))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_of_what_is_bought_was_bought_before() {
        let catalogue = Catalogue::draw(1);
        let (mut again, mut lines) = (0, 0);
        for number in 0..300 {
            let person = Person::draw(1, number);
            let mut shopper = Shopper::new(1, &person, Archetype::Family, &catalogue);
            let mut seen = std::collections::BTreeSet::new();
            for order in 0..12 {
                for line in shopper.fill(order * 30 * DAY) {
                    if order >= 6 {
                        lines += 1;
                        again += u32::from(seen.contains(&line.product));
                    }
                    seen.insert(line.product);
                }
            }
        }
        let share = f64::from(again) / f64::from(lines);
        assert!((0.5..0.85).contains(&share), "{share}");
    }
}
