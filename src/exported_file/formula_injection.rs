//! Cells of a CSV file that a spreadsheet would take for formulas, made harmless as OWASP describes it (CSV
//! Injection): a `'` before them, by which spreadsheets show them as texts.
//!
//! A formula begins with `=`, `+`, `-`, `@` or a full-width form of these, perhaps after spaces, tabs and line
//! breaks. A spreadsheet that splits the file at another delimiter than it was written with sees cells begin in
//! the middle of a text; so what follows a delimiter or a line break within a text is looked at as well.
//!
//! **What is left as it is**, so that programs find it unchanged: a telephone number or a number, `+` with
//! nothing behind it but digits, spaces and `. , - / ( )`, or `-` with nothing but digits, spaces, `.` and `,`; and
//! several of these with `;`, `|` or a line break between them.
//! That is safe: without a letter, a quote, `!`, `:` or another sign of an operation than of arithmetic there is
//! no function, no cell, no file and no program that it could name; the worst is a number that is computed.
//! So is a sign with nothing behind it.

use std::borrow::Cow;

/// Signs at which some spreadsheet may begin a new cell.
pub(super) const SEPARATORS: [char; 6] = [',', ';', '\t', '|', '\n', '\r'];
const FORMULA_SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Returns the text with a `'` before everything in it that a spreadsheet would take for a formula.
pub fn neutralised(text: &str) -> Cow<'_, str> {
    let mut harmless = String::new();
    let mut copied = 0;
    let inner = text.char_indices().filter(|(_, c)| SEPARATORS.contains(c)).map(|(at, c)| at + c.len_utf8());
    for begin in std::iter::once(0).chain(inner) {
        let is_formula = if begin == 0 { is_formula(text) } else { is_inner_formula(&text[begin..]) };
        if is_formula {
            harmless.push_str(&text[copied..begin]);
            harmless.push('\'');
            copied = begin;
        }
    }
    if copied == 0 && harmless.is_empty() {
        return Cow::Borrowed(text);
    }
    harmless.push_str(&text[copied..]);
    Cow::Owned(harmless)
}

/// Returns the text of a cell before it was neutralised, as far as its beginning goes.
pub fn original(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(cell)
}

/// Returns whether a cell of this text would be a formula. Tabs and line breaks at its beginning are enough:
/// spreadsheets differ in what they do with them.
fn is_formula(text: &str) -> bool {
    let begins_blank = text.len() > 1 && text.starts_with(['\t', '\r', '\n']);
    begins_blank || is_signed(text.trim_start_matches(is_blank))
}

/// Returns whether a text that follows a separator would be a formula: a quote may end there that began
/// before it.
fn is_inner_formula(rest: &str) -> bool {
    let piece = rest.split(SEPARATORS).next().unwrap_or_default();
    is_signed(piece.trim_start_matches('"'))
}

fn is_signed(text: &str) -> bool {
    let mut rest = text.chars();
    match rest.next() {
        Some(sign) if FORMULA_SIGNS.contains(&sign) => {
            let rest = rest.as_str();
            !rest.is_empty() && !is_number(sign, rest)
        }
        _ => false,
    }
}

/// Returns whether a sign and what is behind it are a telephone number or a number, or several of them.
fn is_number(sign: char, rest: &str) -> bool {
    let mut numbers = rest.split([';', '|', '\n', '\r', '\t']);
    let first = numbers.next().unwrap_or_default();
    is_one_number(sign, first)
        && numbers.all(|number| {
            let number = number.trim();
            let sign = number.chars().next().filter(|sign| ['+', '-'].contains(sign));
            number.is_empty() || is_one_number(sign.unwrap_or('+'), number.trim_start_matches(['+', '-']))
        })
}

fn is_one_number(sign: char, rest: &str) -> bool {
    let may_hold = |c: char| match c {
        '0'..='9' | ' ' | '\u{A0}' | '\u{202F}' | '.' | ',' => true,
        '-' | '/' | '(' | ')' => sign == '+',
        _ => false,
    };
    ['+', '-'].contains(&sign) && rest.chars().all(may_hold) && rest.contains(|c: char| c.is_ascii_digit())
}

/// What a program may pass over at the beginning of a cell.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{FEFF}' | '\u{200B}'..='\u{200F}' | '\u{2060}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::write_record;
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_carry_out_has_a_quote_before_it() {
        for (text, harmless) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2+3", "'-2+3"),
            ("-2+A1", "'-2+A1"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("+33;=1", "'+33;'=1"),
            ("\t=1", "'\t'=1"),
            ("\rAnn", "'\rAnn"),
            ("\nAnn", "'\nAnn"),
            (" =1+1", "' =1+1"),
            ("\u{FEFF}=1+1", "'\u{FEFF}=1+1"),
            ("＝1+1", "'＝1+1"),
            ("＋33", "'＋33"),
            ("－1", "'－1"),
            ("＠A1", "'＠A1"),
            ("Ann;=1+1", "Ann;'=1+1"),
            ("Ann\n@A1,-x", "Ann\n'@A1,'-x"),
            ("Ann;\"=1+1", "Ann;'\"=1+1"),
        ] {
            assert_eq!(neutralised(text), harmless, "{text:?}");
        }
    }

    #[test]
    fn telephones_numbers_and_plain_texts_are_left_as_they_are() {
        for text in [
            "",
            "-",
            "+",
            "=",
            "@",
            "a=1",
            "Saint-Denis",
            "0012",
            "1E5",
            "5+3",
            "ann@example.org",
            "'=1",
            "+33612345678",
            "+33 6 12 34 56 78",
            "+33 (0)6-12.34/56",
            "+33612345678;+33612345679",
            "+12,5",
            "-12.5",
            "-1 234,50",
            "-1\u{202F}234,50",
            "2, - 3",
            "note: -20% ; -30%",
        ] {
            assert!(matches!(neutralised(text), Cow::Borrowed(_)), "{text:?}");
        }
    }

    #[test]
    fn the_text_before_is_known() {
        for text in ["=1+1", "\t=1", "O'Brien", "'quoted'", "+33612345678"] {
            let cell = neutralised(text);
            assert_eq!(original(&cell).replace("\t'", "\t"), text);
        }
    }

    /// What a spreadsheet would carry out, written down anew: signs with anything behind them that is more than
    /// arithmetic with numbers, up to where the fields of a file that is split wrongly run into each other.
    fn is_carried_out(cell: &str) -> bool {
        let cell = cell.trim_start_matches(['\t', '\r', '\n']);
        let Some(sign) = cell.chars().next().filter(|sign| "=+-@＝＋－＠".contains(*sign)) else {
            return false;
        };
        let rest = &cell[sign.len_utf8()..];
        let own = rest.split(['"', ',', ';', '|', '\t', '\n', '\r']).next().unwrap_or_default();
        let is_arithmetic = match sign {
            '+' => own.chars().all(|c| "0123456789 .-/()".contains(c)),
            '-' => own.chars().all(|c| "0123456789 .".contains(c)),
            _ => own.is_empty(),
        };
        !is_arithmetic
    }

    proptest! {
        /// Whatever the delimiter that the file is opened with.
        #[test]
        fn no_cell_of_a_file_is_carried_out(
            rows in prop::collection::vec(("[-=+@＝＠\t\r\n,;|\"'a1 !]{0,8}", "[-=+@＋\t\r\n,;|\"'a1 !]{0,8}"), 1..4),
            written in prop::sample::select(vec![b',', b';', b'\t', b'|']),
            opened in prop::sample::select(vec![b',', b';', b'\t', b'|']),
        ) {
            let mut out = Vec::new();
            for (first, second) in &rows {
                let (first, second) = (neutralised(first), neutralised(second));
                write_record(["c1".as_bytes(), first.as_bytes(), second.as_bytes()], written, &mut out);
            }
            let mut reader = csv::ReaderBuilder::new()
                .delimiter(opened)
                .has_headers(false)
                .flexible(true)
                .from_reader(out.as_slice());
            for row in reader.records() {
                for cell in &row.unwrap() {
                    prop_assert!(!is_carried_out(cell), "{cell:?} of {:?}", String::from_utf8_lossy(&out));
                }
            }
        }

        #[test]
        fn a_cell_that_begins_with_none_of_the_signs_anywhere_is_unchanged(text in "[a-zéA-Z0-9 .:!'\"(),;|]{0,20}") {
            prop_assert_eq!(neutralised(&text), text.as_str());
        }

        #[test]
        fn telephones_survive(digits in "[1-9][0-9]{1,14}", spaced in "[0-9]{1,3}([ .-][0-9]{2}){1,5}") {
            for text in [format!("+{digits}"), format!("+{spaced}"), format!("+33 (0){spaced}")] {
                prop_assert_eq!(neutralised(&text), text.as_str());
            }
        }

        #[test]
        fn what_is_neutralised_once_stays_as_it_is(text in "[-=+@＝\t\r\n,;|\"'a1 ]{0,10}") {
            let once = neutralised(&text).into_owned();
            prop_assert_eq!(neutralised(&once), once.as_str());
        }
    }
}
