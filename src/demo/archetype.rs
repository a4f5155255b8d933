//! The planted segments: five types of customer that differ in frequency, basket and channel.

/// A planted segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archetype {
    /// Comes to the shop often for little.
    Regular,
    /// Large baskets about once a month, shop and web.
    Family,
    /// Buys and browses on the web.
    Connected,
    /// Waits for discounts, on any channel.
    Bargain,
    /// Few, dear presents.
    Gift,
}

/// How an archetype behaves. Rates are per step of ten days.
#[derive(Debug)]
pub struct Habits {
    /// Share among buyers.
    pub share: f64,
    /// Mean purchase rate of a customer who has not left.
    pub rate: f64,
    /// Spontaneous web visits of those with an account.
    pub visits: f64,
    /// Mean share of newsletters opened.
    pub opens: f64,
    /// Mean lines of a basket.
    pub lines: f64,
    /// Mean web share of those who use both; and how many never use the shop or the web.
    pub web_share: f64,
    pub web_only: f64,
    pub shop_only: f64,
    /// Which third of the prices attracts: 0 cheap, 1 middle, 2 dear.
    pub price_band: usize,
    /// Share of lines bought with a discount.
    pub discount: f64,
    /// Categories preferred, as indices of the catalogue's.
    pub tastes: [usize; 4],
}

/// Shape of the gamma of purchase rates within an archetype (Ehrenberg's NBD: about 1 to 3 in
/// panels of frequently bought goods).
pub(super) const RATE_SHAPE: f64 = 2.2;

impl Archetype {
    pub const ALL: [Archetype; 5] =
        [Archetype::Regular, Archetype::Family, Archetype::Connected, Archetype::Bargain, Archetype::Gift];

    pub fn name(self) -> &'static str {
        match self {
            Archetype::Regular => "regular",
            Archetype::Family => "family",
            Archetype::Connected => "connected",
            Archetype::Bargain => "bargain",
            Archetype::Gift => "gift",
        }
    }

    pub(super) fn habits(self) -> &'static Habits {
        match self {
            Archetype::Regular => &Habits {
                share: 0.24,
                rate: 0.62,
                visits: 0.05,
                opens: 0.30,
                lines: 1.6,
                web_share: 0.08,
                web_only: 0.0,
                shop_only: 0.70,
                price_band: 0,
                discount: 0.08,
                tastes: [5, 6, 3, 8],
            },
            Archetype::Family => &Habits {
                share: 0.24,
                rate: 0.30,
                visits: 0.12,
                opens: 0.38,
                lines: 5.2,
                web_share: 0.30,
                web_only: 0.0,
                shop_only: 0.35,
                price_band: 1,
                discount: 0.15,
                tastes: [10, 3, 4, 7],
            },
            Archetype::Connected => &Habits {
                share: 0.22,
                rate: 0.36,
                visits: 0.26,
                opens: 0.42,
                lines: 2.0,
                web_share: 0.92,
                web_only: 0.55,
                shop_only: 0.0,
                price_band: 1,
                discount: 0.12,
                tastes: [0, 1, 2, 8],
            },
            Archetype::Bargain => &Habits {
                share: 0.17,
                rate: 0.24,
                visits: 0.18,
                opens: 0.50,
                lines: 3.0,
                web_share: 0.55,
                web_only: 0.10,
                shop_only: 0.15,
                price_band: 0,
                discount: 0.85,
                tastes: [2, 3, 7, 11],
            },
            Archetype::Gift => &Habits {
                share: 0.13,
                rate: 0.14,
                visits: 0.08,
                opens: 0.28,
                lines: 1.3,
                web_share: 0.35,
                web_only: 0.15,
                shop_only: 0.45,
                price_band: 2,
                discount: 0.05,
                tastes: [0, 9, 4, 6],
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_make_a_whole() {
        let sum: f64 = Archetype::ALL.iter().map(|a| a.habits().share).sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }
}
