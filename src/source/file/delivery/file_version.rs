//! The version that a file gives its rows: of rows with the same key, those of the highest version are used.
//!
//! First comes the declared date in the file's name, then the name in natural order: numbers compare as
//! numbers, `export_9` before `export_10`. Nothing else about a file stays the same when all files are read
//! again.

use chrono::NaiveDate;

/// Digits up to which a number in a name is ordered by filling it up with zeros.
const WIDTH: usize = 20;

/// Returns a text that sorts as the files of a source follow one another.
pub(in crate::source) fn file_version(name: &str, date: Option<NaiveDate>) -> String {
    let mut version = date.map(|date| date.format("%Y-%m-%d ").to_string()).unwrap_or_default();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            version.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let number = rest[..digits].trim_start_matches('0');
        if number.len() <= WIDTH {
            version.push_str(&format!("{number:0>WIDTH$}"));
        } else {
            // After all shorter ones, by length, then by digits.
            version.push_str(&format!("~{:06}~{number}", number.len()));
        }
        rest = &rest[digits..];
    }
    version
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut files = ["e_10.csv", "e_9.csv", "e_100.csv", "e_2.csv", "e_09b.csv"];
        files.sort_by_key(|name| file_version(name, None));
        assert_eq!(files, ["e_2.csv", "e_9.csv", "e_09b.csv", "e_10.csv", "e_100.csv"]);
    }

    #[test]
    fn the_declared_date_comes_first() {
        let dated = |name: &str, date: &str| file_version(name, Some(date.parse().unwrap()));
        assert!(dated("crm_01-02-2026.csv", "2026-02-01") > dated("crm_15-01-2026.csv", "2026-01-15"));
        assert!(dated("crm_2026-02-01.csv", "2026-02-01").starts_with("2026-02-01 crm_"));
    }

    proptest! {
        #[test]
        fn it_agrees_with_comparing_numbers(left in any::<u128>(), right in any::<u128>(), zeros in 0usize..4) {
            let name = |n: u128| format!("orders-{}{n}.csv", "0".repeat(zeros));
            let order = file_version(&name(left), None).cmp(&file_version(&format!("orders-{right}.csv"), None));
            prop_assert_eq!(order, left.cmp(&right));
        }
    }
}
