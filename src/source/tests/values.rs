//! Values as tills, spreadsheets and shops write them: blanks, currencies, exponents, several formats.

use super::csv::column;
use super::{Fixture, declare};

#[test]
fn spaces_alone_are_as_empty_as_nothing() {
    let blanks = ["\"\"", "\" \"", "\"   \"", "\"\u{a0}\"", "\" \u{202f}\"", "\"\t\""];
    for kind in ["integer", "decimal(9,2)", "float", "boolean", "date", "timestamp"] {
        let outcome = column(&format!("\"{kind}\""), "", &blanks);
        assert_eq!(outcome.table(), vec!["∅"; blanks.len()], "{kind}");
        let outcome = column(&format!("{{ type = \"{kind}\", nullable = false }}"), "", &blanks);
        assert_eq!((outcome.rows.len(), outcome.refused.len()), (0, blanks.len()), "{kind}");
        let missing = format!("expected {kind}, found no value in a required column");
        assert!(outcome.refused.iter().all(|(_, _, reason)| *reason == missing), "{:?}", outcome.refused);
        // Where the empty text is not among the words for null, neither is the blank.
        let outcome = column(&format!("\"{kind}\""), "null = [\"NA\"]", &[" ", " NA\u{a0}"]);
        assert_eq!((outcome.table(), outcome.refused.len()), (vec!["∅".to_owned()], 1), "{kind}");
    }
    let outcome =
        column("{ type = \"date\", format = \"%d/%m/%Y\" }", "", &["\" \"", "\" 31/01/2026\u{a0}\""]);
    assert_eq!(outcome.table(), ["∅", "2026-01-31"]);
    // Of a text they are the text.
    assert_eq!(column("\"text\"", "", &["\" \""]).table(), [" "]);
}

#[test]
fn a_currency_beside_a_number_is_read_where_it_is_declared() {
    let options = "delimiter = \";\"\ndecimal = \",\"\nthousands = \" \"\ncurrency = \"€\"";
    let values =
        ["12,50 €", "€12,50", "1 234,50\u{a0}€", "-€ 3,00", "7", "$ 12,50", "12,50 EUR", "€", "(1,00 €)"];
    let outcome = column("\"decimal(9,2)\"", options, &values);
    assert_eq!(outcome.table(), ["12.50", "12.50", "1234.50", "-3.00", "7.00"]);
    assert_eq!(
        outcome.refused[0].2,
        "expected decimal(9,2) with a decimal comma in €, found text of 7 characters"
    );
    assert_eq!(outcome.refused.len(), 4);
    let outcome =
        column("{ type = \"integer\", currency = \"CHF\" }", "currency = \"€\"", &["CHF 12", "5CHF", "€ 1"]);
    assert_eq!((outcome.table(), outcome.refused.len()), (vec!["12".to_owned(), "5".to_owned()], 1));
    let outcome = column("\"float\"", "currency = \"US$\"", &["US$ 1.5", "2.5e1 US$", "$1"]);
    assert_eq!((outcome.table(), outcome.refused.len()), (vec!["1.5".to_owned(), "25.0".to_owned()], 1));
    // What is not declared is refused.
    assert_eq!(column("\"decimal(9,2)\"", "", &["12.50 €"]).refused.len(), 1);
}

#[test]
fn a_number_that_a_spreadsheet_has_shortened_is_refused_by_its_name() {
    let cut = "found a number with an exponent (spreadsheets write long numbers this way and lose digits)";
    for (kind, options) in [
        ("integer", "decimal = \",\""),
        ("integer", ""),
        ("decimal(13,0)", "decimal = \",\""),
        ("decimal(20,4)", "thousands = \" \""),
        ("decimal(9,2)", "currency = \"€\""),
    ] {
        let values = ["\"2,97461E+12\"", "2.97461E+12", "1E5", "5"];
        let outcome = column(&format!("\"{kind}\""), options, &values);
        assert_eq!(outcome.rows.len(), 1, "{kind} {options}");
        assert!(outcome.refused.iter().all(|(_, _, reason)| reason.ends_with(cut)), "{:?}", outcome.refused);
    }
    // A float has an exponent by nature.
    assert_eq!(column("\"float\"", "", &["2.5E+2"]).table(), ["250.0"]);
}

#[test]
fn json_means_by_an_exponent_what_it_says() {
    let toml = "format = \"jsonl\"\n[columns]\na = \"integer\"\nb = \"decimal(9,2)\"\nc = { type = \"timestamp\", format = \"unix\" }\n";
    let fixture = Fixture::new("n.jsonl", toml);
    fixture.write(
        "n.jsonl",
        "{\"a\":1e3,\"b\":1.25E1,\"c\":1.7699004e9}\n{\"a\":\"1e3\"}\n{\"b\":\"1E1\"}\n{\"a\":1.5e0}\n{\"a\":1e30}\n\
         {\"b\":1e-3}\n{\"c\":\"1.7E9\"}\n",
    );
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1000|12.50|2026-01-31T23:00:00Z"]);
    assert_eq!(outcome.refused.iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
}

#[test]
fn shortened_numbers_in_texts_are_reported_once_a_column_and_file() {
    let toml =
        "format = \"csv\"\ndelimiter = \";\"\ntolerance = 1.0\n[columns]\ncard = \"text\"\nn = \"integer\"\n";
    let fixture = Fixture::new("*.csv", toml);
    fixture.write("a.csv", "card;n\n2974612345678;1\n2,97461E+12;2\nx;no\n2,97461E+12;no\n2,97461E+12;3\n");
    fixture.write("b.csv", "card;n\n1E5;1\n");
    fixture.write("c.csv", "card;n\n2974612345678;1\n");
    let outcome = fixture.read();
    assert_eq!((outcome.rows.len(), outcome.refused.len()), (5, 2));
    assert_eq!(
        outcome.remarks,
        [
            "2 values of `card` look like a number shortened by a spreadsheet, the first in line 3: different numbers may have become equal",
            "1 value of `card` looks like a number shortened by a spreadsheet, the first in line 2: different numbers may have become equal",
        ]
    );
}

#[test]
fn a_column_may_have_dates_in_several_formats() {
    let kind = "{ type = \"date\", format = [\"%d/%m/%Y\", \"iso\"] }";
    let outcome = column(kind, "", &["31/01/2026", "2026-01-31", "31.01.2026", "31/02/2026"]);
    assert_eq!(outcome.table(), ["2026-01-31", "2026-01-31"]);
    assert_eq!(outcome.refused[0].2, "expected date as %d/%m/%Y or iso, found text of 10 characters");
    assert!(outcome.refused[1].2.ends_with("found a date or time that does not exist"));
}

/// The problems of a source with this column.
fn problems(options: &str, column: &str) -> Vec<String> {
    let toml = format!("path = \"x\"\nformat = \"csv\"\n{options}\n[columns]\nv = {column}\n");
    match declare(&toml).check("shop") {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(|p| format!("{}: {}", p.key.join("."), p.error)).collect(),
    }
}

#[test]
fn what_cannot_be_obeyed_is_reported_with_its_key() {
    let date = "{ type = \"date\", format = \"%d/%m/%y\" }";
    assert_eq!(
        problems("", date),
        ["columns.v.format: the format `%d/%m/%y` has two-digit years, but no declared century\n  \
             hint: two_digit_years_to = 2029 reads 29 as 2029 and 30 as 1930; for dates of birth give the birth year of the youngest person, since a date of birth is in the past"]
    );
    assert_eq!(problems("two_digit_years_to = 2029", date), [""; 0]);
    let own = "{ type = \"date\", format = \"%d/%m/%y\", two_digit_years_to = 2026 }";
    assert_eq!(problems("", own), [""; 0]);
    for (options, column, key) in [
        ("two_digit_years_to = 69", date, "two_digit_years_to"),
        ("", "{ type = \"text\", two_digit_years_to = 2026 }", "columns.v.two_digit_years_to"),
        ("", "{ type = \"text\", currency = \"€\" }", "columns.v.currency"),
        ("", "{ type = \"integer\", currency = \"1\" }", "columns.v.currency"),
        ("currency = \"\"", "\"integer\"", "currency"),
        ("currency = \"a b\"", "\"integer\"", "currency"),
        ("zone_abbreviations = { PST = \"8\" }", "\"timestamp\"", "zone_abbreviations.PST"),
        ("zone_abbreviations = { P1 = \"+01:00\" }", "\"timestamp\"", "zone_abbreviations.P1"),
        ("", "{ type = \"date\", format = [] }", "columns.v.format"),
        ("", "{ type = \"date\", format = [\"%d/%m/%Y\", \"%m/%d/%Y\"] }", "columns.v.format"),
        ("escape = \"\\\"\"", "\"text\"", "delimiter"),
        ("escape = \",\"", "\"text\"", "delimiter"),
        ("escape = \"ab\"", "\"text\"", "escape"),
        ("encoding = \"klingon\"", "\"text\"", "encoding"),
    ] {
        let found = problems(options, column);
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("{key}: ")),
            "{options} {column}: {found:?}"
        );
    }
    assert_eq!(
        problems("", "{ type = \"date\", format = [\"iso\", \"%d/%m/%Y\", \"%m/%d/%Y\"] }"),
        [
            "columns.v.format: the formats `%d/%m/%Y` and `%m/%d/%Y` can read the same text as two different times\n  hint: \
             keep the one that the export uses; if two exports differ, declare two sources"
        ]
    );
}
