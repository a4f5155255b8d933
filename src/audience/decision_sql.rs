//! Turns the answers about a customer into a decision: the first reason to be off, else the rank, the control
//! group or the list.

use arrow::datatypes::DataType;

use super::definition::Audience;
use super::evaluation::{AGREED, WORTH, condition_column};
use super::grain::CUSTOMER_ID;
use super::null_conditions::BETWEEN;
use super::waterfall::{Positions, reasons};
use crate::name::TableName;
use crate::sql_text::quoted;

/// The largest number that a float holds.
const LARGEST: &str = "1.7976931348623157e308";

/// Returns the SQL that judges the answers in the table `asked`, ranked by numbers of the type `worth`.
///
/// Yields `audience, customer_id, position, reason, score, rank, unknown`, one row per customer, ordered
/// by `customer_id`, which gets the type `id_type`.
pub(super) fn decision_sql(
    audience: &Audience,
    worth: &DataType,
    id_type: &DataType,
    asked: &TableName,
) -> String {
    let positions = Positions::of(audience);
    let mut cases = Vec::new();
    let (mut unknown, mut nulls) = (Vec::new(), Vec::new());
    // What the customer has passed so far: null means that a condition was not reached, or was null itself.
    let mut passed = String::new();
    let consent_comes = audience.rules.len() + audience.exclusions.len();
    for (nth, (condition, must_hold)) in audience.conditions().enumerate() {
        if let Some(consent) = positions.consent.filter(|_| nth == consent_comes) {
            cases.push(format!("when {AGREED} is not true then {consent}\n"));
            passed.push_str(&format!(" and {AGREED} is true"));
        }
        let name = condition_column(nth);
        let (passes, fails) = if must_hold { ("is true", "is not true") } else { ("is not true", "is true") };
        cases.push(format!("when ({name} = 1) {fails} then {}\n", positions.of_condition(nth)));
        let null = format!("{name} is null{passed}");
        let reason = quoted(&format!("{BETWEEN}{}", condition.reason));
        unknown.push(format!("case when {null} then {reason} else '' end"));
        nulls.push(format!("({null})"));
        passed.push_str(&format!(" and ({name} = 1) {passes}"));
    }
    if let Some(consent) = positions.consent.filter(|_| audience.reached_by.is_empty()) {
        cases.push(format!("when {AGREED} is not true then {consent}\n"));
    }
    cases.push(format!("when {WORTH} is null then {}\n", positions.null_rank));
    let mut ranked = WORTH.to_owned();
    if worth.is_floating() {
        // Not a number and infinities are all above the largest number; a minus before zero is none.
        let infinite = positions.infinite_rank;
        cases.push(format!("when isnan({WORTH}) or abs({WORTH}) > {LARGEST} then {infinite}\n"));
        ranked = format!(
            "case when abs({WORTH}) = 0 then abs({WORTH}) when isnan({WORTH}) or abs({WORTH}) > {LARGEST} then null \
             else {WORTH} end"
        );
    }
    let Positions { beyond, control, listed, .. } = positions;
    let limit = audience.limit.map_or("false".to_owned(), |limit| format!("place > {limit}"));
    let cases = cases.concat();
    let labels: String = reasons(audience)
        .iter()
        .enumerate()
        .map(|(n, reason)| format!("when {n} then {}\n", quoted(reason)))
        .collect();
    format!(
        "with judged as (
           select {CUSTOMER_ID}, {ranked} as worth, case {cases} else 0 end as off,
             case when {somewhere} then substr({unknown}, {after_first}) end as unknown
           from {asked}),
         placed as (
           select {CUSTOMER_ID}, worth, off, unknown,
             case when off = 0 then
               row_number() over (partition by off order by worth desc, {CUSTOMER_ID}) end as place
           from judged),
         decided as (
           select {CUSTOMER_ID}, worth, unknown, place,
             case when off > 0 then off
                  when {limit} then {beyond}
                  when encode(sha256(concat({salt}, ':', cast({CUSTOMER_ID} as varchar))), 'hex') < '{threshold}' then {control}
                  else {listed} end as position
           from placed)
         select {name} as audience, arrow_cast({CUSTOMER_ID}, '{id_type}') as {CUSTOMER_ID},
           cast(position as bigint) as position, case position {labels} end as reason,
           cast(worth as double) as score, cast(place as bigint) as rank, unknown
         from decided order by {CUSTOMER_ID}",
        after_first = BETWEEN.len() + 1,
        // Texts are built only for the few customers with a null condition.
        somewhere = nulls.join(" or "),
        unknown = unknown.join(" || "),
        salt = quoted(&format!("{}:{}", audience.salt, audience.name)),
        threshold = hex_threshold(audience.control),
        name = quoted(&audience.name),
    )
}

/// Returns the share as a bound on the first 64 bits of a hash in hexadecimal.
fn hex_threshold(share: f64) -> String {
    // 2^64 as a float; a share below 1 stays below it.
    format!("{:016x}", (share * 18_446_744_073_709_551_616.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_bound_on_the_hash() {
        assert_eq!(hex_threshold(0.0), "0000000000000000");
        assert_eq!(hex_threshold(0.5), "8000000000000000");
        assert_eq!(hex_threshold(0.1), "1999999999999a00");
    }
}
