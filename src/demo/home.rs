//! Where persons live, and who lives together: couples, twins, a father and a son of one name.

use chrono::{Days, NaiveDate};
use rand::Rng;

use super::calendar::first_day;
use super::names::{MEN, STREET_KINDS, STREETS, SURNAMES, TOWNS, WOMEN};
use super::random_streams::{Purpose, Stream, happens, pick, scrambled, stream, weighted};

/// Persons who share surname and address with the person before them.
const SHARED: f64 = 0.12;
/// Of those who do: a couple, twins, a father and his son.
const KINDS: [f64; 3] = [0.84, 0.08, 0.08];
/// Of those, with one telephone for all.
const LANDLINES: f64 = 0.5;

#[derive(Debug, Clone)]
pub struct Address {
    pub street: String,
    pub postcode: &'static str,
    pub town: &'static str,
}

pub(super) struct Home {
    pub surname: &'static str,
    pub address: Address,
}

impl Home {
    pub fn draw(rng: &mut Stream) -> Self {
        let surname = pick(rng, &SURNAMES);
        let (postcode, town) = TOWNS[rng.gen_range(0..TOWNS.len())];
        let suffix = if happens(rng, 0.06) { " bis" } else { "" };
        let street =
            format!("{}{suffix} {} {}", rng.gen_range(1..160), pick(rng, &STREET_KINDS), pick(rng, &STREETS));
        Home { surname, address: Address { street, postcode, town } }
    }

    /// Returns where a person lives; two persons with neighbouring numbers may live together.
    pub fn shared(seed: u64, number: u64) -> Option<Self> {
        let mut rng = stream(seed, Purpose::Household, number / 2);
        happens(&mut rng, SHARED).then(|| Home::draw(&mut rng))
    }
}

/// Returns the telephone of a shared home, where there is one for all: nine digits after the leading 0.
pub(super) fn landline(seed: u64, number: u64) -> Option<u64> {
    let mut rng = stream(seed, Purpose::Landline, number / 2);
    happens(&mut rng, LANDLINES).then(|| 200_000_000 + scrambled(seed, 8, number / 2, 99_999_989))
}

/// What a person has from the one they live with.
pub(super) struct Kin {
    pub first: &'static str,
    pub is_woman: bool,
    pub born: NaiveDate,
}

impl Kin {
    /// Returns what a person of a shared home has from their kind; `None` of a couple, of whom each is anybody.
    pub fn of(seed: u64, number: u64) -> Option<Self> {
        let mut rng = stream(seed, Purpose::Kin, number / 2);
        let is_second = number % 2 == 1;
        match weighted(&mut rng, &KINDS) {
            1 => {
                let born = first_day() - Days::new(rng.gen_range(18 * 365..60 * 365));
                let women = [happens(&mut rng, 0.5), happens(&mut rng, 0.5)];
                let first = rng.gen_range(0..WOMEN.len());
                // Two names of 48, never the same.
                let second = (first + rng.gen_range(1..WOMEN.len())) % WOMEN.len();
                let is_woman = women[usize::from(is_second)];
                let names = if is_woman { &WOMEN } else { &MEN };
                Some(Kin { first: names[if is_second { second } else { first }], is_woman, born })
            }
            2 => {
                let first = pick(&mut rng, &MEN);
                let son = rng.gen_range(18 * 365..45 * 365);
                let father = son + rng.gen_range(22 * 365..35 * 365);
                let born = first_day() - Days::new(if is_second { son } else { father });
                Some(Kin { first, is_woman: false, born })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::person::Person;

    #[test]
    fn those_who_live_together_are_related_as_they_should_be() {
        let (mut twins, mut namesakes, mut landlines) = (0, 0, 0);
        for pair in 0..6_000 {
            let [one, other] = [2 * pair, 2 * pair + 1].map(|number| Person::draw(5, number));
            if one.address.street != other.address.street {
                continue;
            }
            assert_eq!(one.last, other.last);
            landlines += usize::from(one.phone == other.phone);
            twins += usize::from(one.born == other.born && one.first != other.first);
            let apart = (other.born - one.born).num_days();
            if one.first == other.first && one.title == "M." && apart > 20 * 365 {
                namesakes += 1;
            }
        }
        assert!((30..90).contains(&twins), "{twins} pairs of twins");
        assert!((30..90).contains(&namesakes), "{namesakes} fathers and sons of one name");
        assert!((280..440).contains(&landlines), "{landlines} homes with one telephone");
    }
}
