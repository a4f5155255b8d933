//! The tables that audiences read and make.

use crate::name::TableName;

/// The table of consents: `customer_id`, `channel`, `granted`, `valid_from`, and `purpose` where one
/// channel is asked for several things.
pub const CONSENTS: (&str, &str) = ("core", "consents");
/// The column with the time from which a consent is valid.
pub const CONSENTS_VALID_FROM: &str = "valid_from";

/// The table of addresses from which something came back: `channel`, `address`, `valid_from`. Grain: one row
/// per channel and address.
pub const BOUNCES: (&str, &str) = ("core", "bounces");
/// The column with the time from which an address is known to be out of use.
pub const BOUNCES_VALID_FROM: &str = "valid_from";

/// One row per customer and audience: `audience, customer_id, position, reason, score, rank, unknown`.
pub const DECISIONS: (&str, &str) = ("mart", "list_decisions");
/// One row per person on a list, the control group included.
pub const LISTS: (&str, &str) = ("mart", "target_lists");
/// One row per reason: the base, each exclusion, the control group, the list; with the SQL that decides.
pub const WATERFALL: (&str, &str) = ("mart", "list_waterfall");
/// One row per audience: how it was declared when it was drawn.
pub const DEFINITIONS: (&str, &str) = ("mart", "list_definitions");

/// What audiences make, and the key of each: one row for each line of it.
pub const MADE: [((&str, &str), &[&str]); 4] = [
    (DECISIONS, &["audience", "customer_id"]),
    (LISTS, &["audience", "customer_id"]),
    (WATERFALL, &["audience", "position"]),
    (DEFINITIONS, &["audience"]),
];

/// The columns that every list has; an export adds to them.
pub const LIST_COLUMNS: [&str; 6] = ["audience", "customer_id", "channel", "rank", "score", "is_control"];

/// Returns the name of one of the tables above.
pub fn table(name: (&str, &str)) -> TableName {
    TableName::new(name.0, name.1).expect("the audience's own table names are valid")
}
