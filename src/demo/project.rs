//! The demo's pipeline and models with their tests, carried in the binary so that a demo needs nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context, Result};

macro_rules! shipped {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)))),*]
    };
}

const PIPELINE: &str = "pipelines/nightly.toml";
const FILES: [(&str, &str); 70] = shipped![
    "pipelines/nightly.toml",
    "sql/nightly/channel/accounts.sql",
    "sql/nightly/channel/accounts.test.toml",
    "sql/nightly/channel/calls.sql",
    "sql/nightly/channel/calls.test.toml",
    "sql/nightly/channel/cards.sql",
    "sql/nightly/channel/cards.test.toml",
    "sql/nightly/channel/consents.sql",
    "sql/nightly/channel/contact_costs.sql",
    "sql/nightly/channel/email_events.sql",
    "sql/nightly/channel/forms.sql",
    "sql/nightly/channel/key_account_contacts.sql",
    "sql/nightly/channel/key_account_contacts.test.toml",
    "sql/nightly/channel/key_accounts.sql",
    "sql/nightly/channel/letters.sql",
    "sql/nightly/channel/link_decisions.sql",
    "sql/nightly/channel/mailings.sql",
    "sql/nightly/channel/mailings.test.toml",
    "sql/nightly/channel/parcels.sql",
    "sql/nightly/channel/person_keys.sql",
    "sql/nightly/channel/person_keys.test.toml",
    "sql/nightly/channel/persons.sql",
    "sql/nightly/channel/persons.test.toml",
    "sql/nightly/channel/products.sql",
    "sql/nightly/channel/shop_lines.sql",
    "sql/nightly/channel/shop_lines.test.toml",
    "sql/nightly/channel/shops.sql",
    "sql/nightly/channel/web_events.sql",
    "sql/nightly/channel/web_lines.sql",
    "sql/nightly/core/campaigns.sql",
    "sql/nightly/core/consents.sql",
    "sql/nightly/core/consents.test.toml",
    "sql/nightly/core/contact_costs.sql",
    "sql/nightly/core/contacts.sql",
    "sql/nightly/core/contacts.test.toml",
    "sql/nightly/core/customers.sql",
    "sql/nightly/core/customers.test.toml",
    "sql/nightly/core/deliveries.sql",
    "sql/nightly/core/deliveries.test.toml",
    "sql/nightly/core/interactions.sql",
    "sql/nightly/core/interactions.test.toml",
    "sql/nightly/core/order_lines.sql",
    "sql/nightly/core/order_lines.test.toml",
    "sql/nightly/core/orders.sql",
    "sql/nightly/core/orders.test.toml",
    "sql/nightly/core/products.sql",
    "sql/nightly/core/shops.sql",
    "sql/nightly/mart/campaign_costs.sql",
    "sql/nightly/mart/campaign_costs.test.toml",
    "sql/nightly/mart/channel_activity.sql",
    "sql/nightly/mart/customer_360.sql",
    "sql/nightly/mart/customer_360.test.toml",
    "sql/nightly/mart/customer_consents.sql",
    "sql/nightly/mart/customer_consents.test.toml",
    "sql/nightly/mart/customer_contradictions.sql",
    "sql/nightly/mart/customer_contradictions.test.toml",
    "sql/nightly/mart/customer_features.sql",
    "sql/nightly/mart/customer_features.test.toml",
    "sql/nightly/mart/customer_habits.sql",
    "sql/nightly/mart/customer_habits.test.toml",
    "sql/nightly/mart/customer_incidents.sql",
    "sql/nightly/mart/customer_incidents.test.toml",
    "sql/nightly/mart/customer_interactions.sql",
    "sql/nightly/mart/customer_interactions.test.toml",
    "sql/nightly/mart/customer_tastes.sql",
    "sql/nightly/mart/customer_tastes.test.toml",
    "sql/nightly/mart/product_sales.sql",
    "sql/nightly/mart/shop_sales.sql",
    "sql/nightly/mart/timeline.sql",
    "sql/nightly/mart/timeline.test.toml",
];

/// Writes the nightly pipeline and its models below `dir` and returns the pipeline's file.
///
/// # Errors
/// When a file cannot be written.
pub fn unpack(dir: &Path) -> Result<PathBuf> {
    for (name, text) in FILES {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).doing(format_args!("make the folder {}", folder.display()))?;
        }
        fs::write(&path, text).doing(format_args!("write {}", path.display()))?;
    }
    Ok(dir.join(PIPELINE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_and_test_of_the_night_is_carried() {
        let mut there = vec![PIPELINE.to_owned()];
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/nightly");
        for schema in fs::read_dir(&models).unwrap() {
            let schema = schema.unwrap();
            for file in fs::read_dir(schema.path()).unwrap() {
                let (schema, file) = (schema.file_name(), file.unwrap().file_name());
                there.push(format!("sql/nightly/{}/{}", schema.to_string_lossy(), file.to_string_lossy()));
            }
        }
        there.sort();
        assert_eq!(there, FILES.map(|(name, _)| name));
    }
}
