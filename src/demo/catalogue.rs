//! What the retailer sells and where.

use rand::Rng;

use super::random_streams::{Purpose, stream};

pub(super) const CATEGORIES: [&str; 12] = [
    "Parfum",
    "Soin du visage",
    "Maquillage",
    "Bain et corps",
    "Linge de maison",
    "Thé et café",
    "Épicerie fine",
    "Décoration",
    "Papeterie",
    "Coffrets cadeaux",
    "Enfant",
    "Jardin",
];
const NOUNS: [[&str; 5]; 12] = [
    ["Eau de parfum", "Eau de toilette", "Cologne", "Brume parfumée", "Recharge parfum"],
    ["Crème de jour", "Crème de nuit", "Sérum", "Gel nettoyant", "Masque"],
    ["Rouge à lèvres", "Mascara", "Fond de teint", "Vernis", "Palette"],
    ["Savon de Marseille", "Gel douche", "Lait corporel", "Huile de bain", "Shampooing"],
    ["Drap de bain", "Taie d'oreiller", "Nappe", "Torchon", "Plaid"],
    ["Thé vert", "Thé noir", "Infusion", "Café moulu", "Café en grains"],
    ["Confiture", "Miel", "Huile d'olive", "Chocolat noir", "Pâté de campagne"],
    ["Bougie", "Vase", "Cadre", "Diffuseur", "Coussin"],
    ["Carnet", "Stylo plume", "Agenda", "Papier à lettres", "Carte de vœux"],
    ["Coffret découverte", "Coffret prestige", "Coffret gourmand", "Coffret bien-être", "Carte cadeau"],
    ["Peluche", "Puzzle", "Pyjama", "Livre d'images", "Boîte à musique"],
    ["Semences", "Pot en terre cuite", "Sécateur", "Terreau", "Arrosoir"],
];
const FLAVOURS: [&str; 8] = [
    "lavande",
    "figuier",
    "verveine",
    "fleur d'oranger",
    "bois de cèdre",
    "rose ancienne",
    "thym citron",
    "été indien",
];
/// Typical price of a category in cents.
const PRICES: [f64; 12] =
    [6200.0, 2900.0, 1900.0, 990.0, 2600.0, 890.0, 940.0, 2400.0, 1250.0, 4900.0, 2100.0, 1150.0];

/// A product. Money is in cents.
#[derive(Debug, Clone)]
pub struct Product {
    pub code: String,
    pub label: String,
    pub category: usize,
    pub price: i64,
    pub unit_cost: i64,
    /// Usual days between two purchases by who likes it.
    pub rhythm_days: f64,
}

pub struct Shop {
    pub code: &'static str,
    pub town: &'static str,
}

pub(super) const SHOPS: [Shop; 12] = [
    Shop { code: "M01", town: "Paris Marais" },
    Shop { code: "M02", town: "Paris Vaugirard" },
    Shop { code: "M03", town: "Lyon" },
    Shop { code: "M04", town: "Marseille" },
    Shop { code: "M05", town: "Toulouse" },
    Shop { code: "M06", town: "Nantes" },
    Shop { code: "M07", town: "Strasbourg" },
    Shop { code: "M08", town: "Lille" },
    Shop { code: "M09", town: "Rennes" },
    Shop { code: "M10", town: "Saint-Étienne" },
    Shop { code: "M11", town: "Besançon" },
    Shop { code: "M12", town: "Orléans" },
];

/// The products, those of a category side by side and from cheap to dear.
pub struct Catalogue {
    pub products: Vec<Product>,
}

impl Catalogue {
    const PER_CATEGORY: usize = 40;
    /// Products of one third of a category's prices.
    const PER_BAND: usize = Self::PER_CATEGORY / 3;

    pub fn draw(seed: u64) -> Self {
        let mut rng = stream(seed, Purpose::Catalogue, 0);
        let mut products = Vec::with_capacity(CATEGORIES.len() * Self::PER_CATEGORY);
        for category in 0..CATEGORIES.len() {
            for rank in 0..Self::PER_CATEGORY {
                let label = format!("{} {}", NOUNS[category][rank % 5], FLAVOURS[rank / 5]);
                let level = 0.45 + 1.7 * rank as f64 / Self::PER_CATEGORY as f64;
                let price = round_price(PRICES[category] * level * rng.gen_range(0.95..1.05));
                let unit_cost = (price as f64 * rng.gen_range(0.35..0.62) / 1.2).round() as i64;
                products.push(Product {
                    code: format!("{:02}{:03}{:03}", category + 10, rank + 1, rng.gen_range(100..1000)),
                    label,
                    category,
                    price,
                    unit_cost,
                    rhythm_days: rng.gen_range(25.0..100.0),
                });
            }
        }
        Catalogue { products }
    }

    /// Returns the products of a category within a price band.
    pub(super) fn band(category: usize, band: usize) -> std::ops::Range<usize> {
        let from = category * Self::PER_CATEGORY + band * Self::PER_BAND;
        from..from + Self::PER_BAND
    }
}

/// Prices end in 90 cents or in 50.
fn round_price(cents: f64) -> i64 {
    let euros = (cents / 100.0).floor() as i64;
    if cents < 1500.0 && (cents as i64) % 100 < 60 { euros * 100 + 50 } else { euros * 100 + 90 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_have_a_margin_and_their_own_code() {
        let catalogue = Catalogue::draw(1);
        let codes: std::collections::BTreeSet<_> = catalogue.products.iter().map(|p| &p.code).collect();
        assert_eq!(codes.len(), catalogue.products.len());
        assert!(catalogue.products.iter().all(|p| p.unit_cost > 0 && p.unit_cost * 6 < p.price * 5));
        assert!(Catalogue::band(11, 2).all(|i| catalogue.products[i].category == 11));
    }
}
