//! Numbers as they are written: what is read, what is refused, and that each value comes back.

use super::*;
use proptest::prelude::*;

#[test]
fn an_integer_is_whole() {
    assert_eq!(integer(b"42", b'.'), Ok(42));
    assert_eq!(integer(b"-7", b'.'), Ok(-7));
    assert_eq!(integer(b"+7", b'.'), Ok(7));
    assert_eq!(integer(b"17850.0", b'.'), Ok(17850));
    assert_eq!(integer(b"17850,00", b','), Ok(17850));
    assert_eq!(integer(b"9223372036854775807", b'.'), Ok(i64::MAX));
    assert_eq!(integer(b"-9223372036854775808", b'.'), Ok(i64::MIN));
    assert_eq!(integer(b"9223372036854775808", b'.'), Err(Fault::Range));
    assert_eq!(integer(b"1.5", b'.'), Err(Fault::Fraction));
    for wrong in ["", "-", "1 2", "0x1", "12a", "1.0.0", "--1", "."] {
        assert_eq!(integer(wrong.as_bytes(), b'.'), Err(Fault::Shape), "{wrong}");
    }
}

#[test]
fn a_decimal_keeps_every_cent() {
    let money = |text: &str| decimal(text.as_bytes(), 12, 2, b'.');
    assert_eq!(money("0.10"), Ok(10));
    assert_eq!(money("-12.5"), Ok(-1250));
    assert_eq!(money("7"), Ok(700));
    assert_eq!(money(".5"), Ok(50));
    assert_eq!(money("5."), Ok(500));
    assert_eq!(money("1.2300"), Ok(123));
    assert_eq!(money("1.234"), Err(Fault::Places));
    assert_eq!(money("9999999999.99"), Ok(999_999_999_999));
    assert_eq!(money("10000000000.00"), Err(Fault::Range));
    for wrong in ["", ".", "-", "1,5", "1.2.3", "e5", "1e", "1e+", "NaN"] {
        assert_eq!(money(wrong), Err(Fault::Shape), "{wrong}");
    }
    assert_eq!(decimal(b"12,50", 12, 2, b','), Ok(1250));
    assert_eq!(decimal("9".repeat(38).as_bytes(), 38, 0, b'.'), Ok(POWERS[38] - 1));
    assert_eq!(decimal("9".repeat(39).as_bytes(), 38, 0, b'.'), Err(Fault::Range));
}

#[test]
fn a_spreadsheets_exponent_is_refused_by_its_name() {
    for text in ["2.97461E+12", "2,97461E+12", "1E5", "1e+05", "-3.5E-2", "1 234E+3"] {
        assert_eq!(integer(text.as_bytes(), b','), Err(Fault::Exponent), "{text}");
        assert_eq!(decimal(text.as_bytes(), 12, 2, b'.'), Err(Fault::Exponent), "{text}");
    }
    for text in ["E5", "1E", "1E+", "rue 1E5", "1E5 rue", "1E5.0", "e", ""] {
        assert_eq!(integer(text.as_bytes(), b'.'), Err(Fault::Shape), "{text}");
    }
}

#[test]
fn an_exponent_spelled_out_is_the_same_number() {
    let read = |text: &str| decimal(&without_exponent(text.as_bytes()).unwrap(), 12, 2, b'.');
    assert_eq!(read("1.5e3"), Ok(150_000));
    assert_eq!(read("150E-2"), Ok(150));
    assert_eq!(read("-0.125e1"), Ok(-125));
    assert_eq!(read("1e-3"), Err(Fault::Places));
    assert_eq!(read("1e300"), Err(Fault::Range));
    assert_eq!(integer(&without_exponent(b"12E2").unwrap(), b'.'), Ok(1200));
    assert_eq!(without_exponent(b"1e999"), None);
    assert_eq!(without_exponent(b"12"), None);
}

#[test]
fn a_declared_currency_stands_on_either_side() {
    let style = NumberStyle {
        point: b',',
        thousands: Some(" ".as_bytes().into()),
        currency: Some("€".as_bytes().into()),
    };
    let read = |text: &str| {
        let mut scratch = Vec::new();
        style.bare(trim(text.as_bytes()), &mut scratch).and_then(|text| decimal(text, 12, 2, b','))
    };
    for text in ["12,50 €", "12,50€", "€12,50", "€ 12,50", "12,50\u{a0}€", "€\u{202f}12,50 ", "12,50"]
    {
        assert_eq!(read(text), Ok(1250), "{text}");
    }
    for text in ["-1 234,50 €", "-€1 234,50", "€-1 234,50", "- € 1 234,50"] {
        assert_eq!(read(text), Ok(-123_450), "{text}");
    }
    for text in ["$12,50", "12,50 EUR", "€12,50€", "€", "- €", "-€-12,50", "12,50 €€", "1€2", "(12,50 €)"]
    {
        assert_eq!(read(text), Err(Fault::Shape), "{text}");
    }
}

#[test]
fn thousands_come_in_whole_groups() {
    let style = NumberStyle { point: b',', thousands: Some("\u{202f}".as_bytes().into()), currency: None };
    let mut scratch = Vec::new();
    let text = "-1\u{202f}234\u{202f}567,89";
    assert_eq!(style.ungrouped(text.as_bytes(), &mut scratch).unwrap(), b"-1234567,89");
    let style = NumberStyle { point: b'.', thousands: Some(b",".as_slice().into()), currency: None };
    assert_eq!(style.ungrouped(b"12,5", &mut scratch), Err(Fault::Shape));
    assert_eq!(style.ungrouped(b"1234,567", &mut scratch), Err(Fault::Shape));
    assert_eq!(style.ungrouped(b",123", &mut scratch), Err(Fault::Shape));
    assert_eq!(style.ungrouped(b"1234.5", &mut scratch).unwrap(), b"1234.5");
}

#[test]
fn a_float_is_finite() {
    let mut scratch = Vec::new();
    assert_eq!(float(b"1.5e3", b'.', &mut scratch), Ok(1500.0));
    assert_eq!(float(b"-0,25", b',', &mut scratch), Ok(-0.25));
    assert_eq!(float(b"1.234,5", b',', &mut scratch), Err(Fault::Shape));
    assert_eq!(float(b"NaN", b'.', &mut scratch), Err(Fault::Shape));
    assert_eq!(float(b"inf", b'.', &mut scratch), Err(Fault::Shape));
    assert_eq!(float(b"1e999", b'.', &mut scratch), Err(Fault::Range));
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in -(10i128.pow(18))..10i128.pow(18), scale in 0u8..=6) {
        let power = POWERS[usize::from(scale)];
        let sign = if value < 0 { "-" } else { "" };
        let (whole, part) = (value.abs() / power, value.abs() % power);
        let text = match scale {
            0 => format!("{sign}{whole}"),
            _ => format!("{sign}{whole}.{part:0width$}", width = usize::from(scale)),
        };
        prop_assert_eq!(decimal(text.as_bytes(), 38, scale, b'.'), Ok(value));
        let shifted = format!("{}e-{scale}", value);
        prop_assert_eq!(decimal(shifted.as_bytes(), 38, scale, b'.'), Err(Fault::Exponent));
        let spelled = without_exponent(shifted.as_bytes()).unwrap();
        prop_assert_eq!(decimal(&spelled, 38, scale, b'.'), Ok(value));
    }

    #[test]
    fn short_numbers_agree_with_the_plain_way(text in "[-+]?[0-9.,e/:]{0,10}") {
        let (negative, digits) = split_sign(text.as_bytes());
        if let Some(fast) = short(digits, 3, b'.') {
            prop_assert_eq!(scaled(false, digits, 3, b'.'), Ok(fast), "{}", text);
        }
        prop_assert_eq!(integer(text.as_bytes(), b'.'), long_integer(negative, digits, b'.'), "{}", text);
    }

    #[test]
    fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..50), scale in 0u8..=38) {
        let _ = integer(&text, b'.');
        let _ = decimal(&text, 38, scale, b',');
        let _ = float(&text, b',', &mut Vec::new());
    }
}
