//! Random streams: each person, household and file has its own, so that any of them can be drawn
//! again without the others.

use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Gamma, Poisson};
use rand_xoshiro::Xoshiro256PlusPlus;

pub type Stream = Xoshiro256PlusPlus;

/// What a stream is drawn for. A new purpose gets a new number and changes no other stream.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    Catalogue = 1,
    Household = 2,
    Identity = 3,
    Life = 4,
    Baskets = 5,
    Writing = 6,
    WalkIns = 7,
    Consents = 8,
    NewCardConsents = 9,
    WebConsents = 10,
    KeyAccounts = 11,
    Names = 12,
    Kin = 13,
    Landline = 14,
    Acquisition = 15,
    Serving = 16,
    Billing = 17,
    Rewards = 18,
    Future = 19,
    Waiting = 20,
    Letters = 21,
}

/// Returns the stream of one purpose and number under a seed.
pub fn stream(seed: u64, purpose: Purpose, number: u64) -> Stream {
    Stream::seed_from_u64(mix(mix(mix(seed) ^ purpose as u64) ^ number))
}

/// Returns the finaliser of SplitMix64 (Steele, Lea, Flood 2014): near numbers get far seeds.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

pub(super) fn happens(rng: &mut Stream, probability: f64) -> bool {
    rng.r#gen::<f64>() < probability
}

pub fn pick<'a, T: ?Sized>(rng: &mut Stream, from: &[&'a T]) -> &'a T {
    from[rng.gen_range(0..from.len())]
}

/// Returns an index drawn with the given weights.
pub fn weighted(rng: &mut Stream, weights: &[f64]) -> usize {
    let mut left = rng.r#gen::<f64>() * weights.iter().sum::<f64>();
    for (i, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return i;
        }
    }
    weights.len() - 1
}

/// Returns a gamma draw by shape and mean.
pub fn gamma(rng: &mut Stream, shape: f64, mean: f64) -> f64 {
    Gamma::new(shape, mean / shape).map_or(mean, |g| g.sample(rng))
}

/// Returns a Poisson count; none when the mean is not positive.
pub fn count(rng: &mut Stream, mean: f64) -> u32 {
    // A float between 0 and a few dozen: the cast is exact.
    Poisson::new(mean).map_or(0, |p| p.sample(rng) as u32)
}

/// Returns a number below `prime` that only `number` has; nothing shows which. The seeds of two `kinds`
/// give unrelated permutations.
pub(super) fn scrambled(seed: u64, kind: u64, number: u64, prime: u64) -> u64 {
    let factor = u128::from(mix(seed ^ mix(kind)) % (prime - 2) + 1);
    let shift = u128::from(mix(seed ^ mix(kind + 1000)) % prime);
    ((u128::from(number % prime) * factor + shift) % u128::from(prime)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrambling_keeps_numbers_apart() {
        let seen: std::collections::BTreeSet<u64> =
            (0..20_000).map(|n| scrambled(7, 3, n, 99_999_989)).collect();
        assert_eq!(seen.len(), 20_000);
        assert_ne!(scrambled(7, 3, 1, 99_999_989), scrambled(7, 4, 1, 99_999_989));
    }

    #[test]
    fn a_stream_is_its_own() {
        let draw = |purpose, number| stream(1, purpose, number).r#gen::<u64>();
        assert_eq!(draw(Purpose::Life, 5), draw(Purpose::Life, 5));
        assert_ne!(draw(Purpose::Life, 5), draw(Purpose::Life, 6));
        assert_ne!(draw(Purpose::Life, 5), draw(Purpose::Baskets, 5));
    }

    #[test]
    fn gamma_has_its_mean() {
        let mut rng = stream(1, Purpose::Life, 1);
        let mean = (0..20_000).map(|_| gamma(&mut rng, 2.0, 0.5)).sum::<f64>() / 20_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
