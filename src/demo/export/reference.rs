//! What does not depend on persons: products, shops, the cost of each kind of contact and piece of work.

use std::path::Path;

use super::sheets::finish_sheets;
use crate::demo::catalogue::{CATEGORIES, Catalogue, SHOPS};
use crate::demo::economy::costs::RATES;
use crate::demo::output::{Rows, Sheet, money};
use crate::error::Result;

const CONTACT_COSTS: [(&str, &str, &str); 6] = [
    ("email", "0,004", "01/01/2024"),
    ("sms", "0,062", "01/01/2024"),
    ("post", "0,980", "01/01/2024"),
    ("post", "1,040", "01/01/2026"),
    ("phone", "4,500", "01/01/2024"),
    ("web", "0,010", "01/01/2024"),
];

pub fn write(folder: &Path, catalogue: &Catalogue) -> Result<Rows> {
    let mut rows = Rows::new();
    let mut sheet = Sheet::utf8(folder.join("products.csv"))?;
    sheet.line("code;libellé;catégorie;prix TTC;coût unitaire")?;
    for product in &catalogue.products {
        sheet.row(&format!(
            "{};{};{};{};{}",
            product.code,
            product.label,
            CATEGORIES[product.category],
            money(product.price, ','),
            money(product.unit_cost, ',')
        ))?;
    }
    finish_sheets("products", [sheet], &mut rows)?;
    let mut sheet = Sheet::utf8(folder.join("shops.csv"))?;
    sheet.line("code;ville")?;
    for shop in &SHOPS {
        sheet.row(&format!("{};{}", shop.code, shop.town))?;
    }
    finish_sheets("shops", [sheet], &mut rows)?;
    let mut sheet = Sheet::utf8(folder.join("contact_costs.csv"))?;
    sheet.line("type;coût;depuis")?;
    for (kind, cost, since) in CONTACT_COSTS {
        sheet.row(&format!("{kind};{cost};{since}"))?;
    }
    finish_sheets("contact_costs", [sheet], &mut rows)?;
    let mut sheet = Sheet::utf8(folder.join("cost_rates.csv"))?;
    sheet.line("poste;valeur;unité;depuis")?;
    for (item, thousandths, unit, since) in RATES {
        let value = format!("{},{:03}", thousandths / 1000, thousandths % 1000);
        sheet.row(&format!("{item};{value};{unit};{since}"))?;
    }
    finish_sheets("cost_rates", [sheet], &mut rows)?;
    Ok(rows)
}
