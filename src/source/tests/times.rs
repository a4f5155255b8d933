//! Dates and timestamps in declared formats: what is written in a format is read as the same moment, or
//! refused.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;
use proptest::sample::select;

use crate::source::value::calendar::MICROS;
use crate::source::value::fault::Fault;
use crate::source::value::strftime::{Manner, declared};
use crate::source::value::time_format::TimeFormat;
use crate::source::value::zone::UtcConverter;

const TIMED: Manner<'_> = Manner { timed: true, last_short_year: Some(2029), abbreviations: &[] };

fn read_in(zone: Tz, format: &str, text: &str) -> Result<i64, Fault> {
    let format = declared(format, TIMED).unwrap_or_else(|wrong| panic!("{format} {}", wrong.what));
    UtcConverter::new(zone).instant(&format, text.as_bytes())
}

/// The instant of a text, where nothing says another zone than UTC.
fn read(format: &str, text: &str) -> Result<String, Fault> {
    read_in(Tz::UTC, format, text).map(|micros| {
        let moment = DateTime::from_timestamp_micros(micros).unwrap();
        moment.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
    })
}

fn wrong(format: &str, manner: Manner<'_>) -> String {
    declared(format, manner).unwrap_err().what
}

#[test]
fn formats_are_obeyed() {
    for (format, text) in [
        ("%d/%m/%Y %H:%M", "01/12/2010 10:05"),
        ("%d/%m/%Y %H:%M", "1/12/2010 10:05"),
        ("%d.%m.%y %T", "01.12.10 10:05:00"),
        ("%Y%m%d%H%M%S", "20101201100500"),
        ("%d %b %Y, %I:%M %p", "01 Dec 2010, 10:05 AM"),
        ("%d %b %Y, %I:%M %p", "1 december 2010, 10:05 am"),
        ("%m/%d/%Y, %I:%M:%S %p", "12/1/2010, 10:05:00\u{202f}AM"),
        ("%d/%m/%Y %H:%M %z", "01/12/2010 11:05 +0100"),
        ("%a %b %e %H:%M:%S %Y", "Wed Dec  1 10:05:00 2010"),
        ("%c", "Wed Dec  1 10:05:00 2010"),
        ("%d%b%Y:%H:%M:%S", "01DEC2010:10:05:00"),
        ("%Y-%jT%H:%M", "2010-335T10:05"),
        ("%G-W%V-%u %H:%M", "2010-W48-3 10:05"),
        ("%a, %d %b %Y %T %z", "Wed, 01 Dec 2010 10:05:00 +0000"),
        ("le %d/%m/%Y à %Hh%M", "le 01/12/2010 à 10h05"),
        ("%H:%M %p %d/%m/%Y", "10:05 AM 01/12/2010"),
        ("unix", "1291197900"),
        ("unix_ms", "1291197900000"),
        ("unix_us", "1291197900000000"),
        ("unix_ns", "1291197900000000000"),
    ] {
        assert_eq!(read(format, text).as_deref(), Ok("2010-12-01T10:05:00Z"), "{format}: {text}");
    }
}

#[test]
fn a_text_of_another_form_is_refused() {
    for (format, text, fault) in [
        ("%d/%m/%Y", "31/02/2010", Fault::Calendar),
        ("%d/%m/%Y", "2010-12-01", Fault::Shape),
        ("%d/%m/%Y", "01/12/10", Fault::Shape),
        ("%d %b %Y", "01 Dec 10", Fault::Shape),
        ("%d %b %Y", "01 Dek 2010", Fault::Shape),
        ("%d/%m/%Y", "01/12/2010 10:05", Fault::Shape),
        ("%a %d/%m/%Y", "Mon 01/12/2010", Fault::Calendar),
        ("%Y-%j", "2010-366", Fault::Calendar),
        ("%G-W%V-%u", "2010-W53-1", Fault::Calendar),
        ("%d/%m/%Y %I:%M %p", "01/12/2010 13:05 PM", Fault::Calendar),
        ("%d/%m/%Y %H:%M %p", "01/12/2010 01:05 PM", Fault::Calendar),
        ("%d/%m/%Y %H:%M", "01/12/2010 24:00", Fault::Calendar),
        ("%Y-%m-%dT%H:%M:%SZ", "2010-12-01T10:05:00", Fault::Shape),
        ("%Y-%m-%dT%H:%M:%SZ", "2010-12-01T10:05:00+01:00", Fault::Shape),
        ("%Y-%m-%d %H:%M", "2010-12-01 10:05Z", Fault::Shape),
        // A count of milliseconds where seconds are declared is not the year 42886.
        ("unix", "1291197900000", Fault::Range),
        ("unix_ms", "1291197900000000", Fault::Range),
        ("unix", "1,291E+09", Fault::Exponent),
        ("unix", "1.291E9", Fault::Exponent),
        ("unix", "12:30", Fault::Shape),
        ("unix", ".", Fault::Shape),
        ("unix_us", "99999999999999999999999", Fault::Range),
    ] {
        assert_eq!(read(format, text), Err(fault), "{format}: {text}");
    }
}

#[test]
fn a_fraction_is_a_fraction_in_every_format() {
    for format in [
        "%Y-%m-%d %H:%M:%S.%f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.3f",
        "%Y-%m-%d %H:%M:%S%.9f",
        "%Y-%m-%d %H:%M:%S.%f%z",
        "%Y-%m-%d %H:%M:%S%.f %Z",
        "%d %B %Y %I:%M:%S.%f %p",
        "%H:%M:%S.%f %d/%m/%Y",
        "iso",
    ] {
        let writes = |fraction: &str| {
            let zone = if format.ends_with("%z") { "+00:00" } else { " UTC" };
            match format {
                "%H:%M:%S.%f %d/%m/%Y" => format!("10:00:00{fraction} 01/05/2026"),
                "%d %B %Y %I:%M:%S.%f %p" => format!("1 May 2026 10:00:00{fraction} AM"),
                _ if format.contains('z') || format.contains('Z') => {
                    format!("2026-05-01 10:00:00{fraction}{zone}")
                }
                _ => format!("2026-05-01 10:00:00{fraction}"),
            }
        };
        for (fraction, micros) in [
            (".9", 900_000),
            (".25", 250_000),
            (".500", 500_000),
            (".123456", 123_456),
            (".123456789", 123_456),
            (".0000019", 1),
        ] {
            let found = read_in(Tz::UTC, format, &writes(fraction)).map(|instant| instant % MICROS);
            assert_eq!(found, Ok(micros), "{format} {fraction}");
        }
    }
    assert_eq!(read("%Y%m%d%H%M%S%3f", "20260501100000123").as_deref(), Ok("2026-05-01T10:00:00.123Z"));
    assert_eq!(read("%Y%m%d%H%M%S%3f", "2026050110000012"), Err(Fault::Shape));
    assert_eq!(read("%Y-%m-%d %H:%M:%S%.f", "2026-05-01 10:00:00").as_deref(), Ok("2026-05-01T10:00:00Z"));
}

#[test]
fn counts_since_1970_are_cut_to_the_microsecond_before() {
    for (format, text, expected) in [
        ("unix", "1769900400.5", "2026-01-31T23:00:00.500Z"),
        ("unix", "1769900400.1234567", "2026-01-31T23:00:00.123456Z"),
        ("unix_ms", "1769900400123.4567", "2026-01-31T23:00:00.123456Z"),
        ("unix_us", "1769900400123456", "2026-01-31T23:00:00.123456Z"),
        ("unix_us", "1769900399999999", "2026-01-31T22:59:59.999999Z"),
        ("unix_ns", "1769900400123456789", "2026-01-31T23:00:00.123456Z"),
        ("unix_ns", "-1", "1969-12-31T23:59:59.999999Z"),
        ("unix_ns", "-1000", "1969-12-31T23:59:59.999999Z"),
        ("unix_ns", "12", "1970-01-01T00:00:00Z"),
        ("unix", "-0.5", "1969-12-31T23:59:59.500Z"),
        ("unix", "+1", "1970-01-01T00:00:01Z"),
    ] {
        assert_eq!(read(format, text).as_deref(), Ok(expected), "{format}: {text}");
    }
}

#[test]
fn a_zone_is_honoured_or_refused() {
    let utc = Ok("2026-01-31T22:30:00Z");
    let paris = |format: &str, text: &str| {
        read_in(chrono_tz::Europe::Paris, format, text)
            .map(|micros| DateTime::from_timestamp_micros(micros).unwrap().format("%FT%TZ").to_string())
    };
    for (format, text) in [
        ("%Y-%m-%dT%H:%M:%SZ", "2026-01-31T22:30:00Z"),
        ("%Y-%m-%d %H:%M:%S UTC", "2026-01-31 22:30:00 UTC"),
        ("%a %d %b %Y %T GMT", "Sat 31 Jan 2026 22:30:00 GMT"),
        ("%Y-%m-%dT%H:%M:%S%.fZ", "2026-01-31T22:30:00.000Z"),
        ("%I:%M %pZ %d/%m/%Y", "10:30 PMZ 31/01/2026"),
        ("%Y-%m-%d %H:%M:%S+00:00", "2026-01-31 22:30:00+00:00"),
        ("%Y-%m-%d %H:%M:%S-0500", "2026-01-31 17:30:00-0500"),
        ("%Y-%m-%d %H:%M (UTC+02:00)", "2026-02-01 00:30 (UTC+02:00)"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-01-31 22:30:00 UTC"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-01-31 22:30:00 gmt"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-01-31 22:30:00 Z"),
        ("%a %b %d %Y %T %Z", "Sat Jan 31 2026 23:30:00 GMT+0100"),
        ("%a %b %d %Y %T GMT%z", "Sat Jan 31 2026 23:30:00 GMT+0100"),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-02-01 01:30:00 +03"),
        ("%Y-%m-%d %H:%M:%S%#z", "2026-01-31 23:30:00+01"),
        ("%Y-%m-%d %H:%M:%S%:z", "2026-01-31 22:30:00Z"),
        ("%+", "2026-01-31T23:30:00+01:00"),
        // What nothing says is local.
        ("%Y-%m-%d %H:%M:%S", "2026-01-31 23:30:00"),
        ("%Y-%m-%dT%Hh%M", "2026-01-31T23h30"),
    ] {
        assert_eq!(paris(format, text).as_deref(), utc, "{format}: {text}");
    }
    for abbreviation in ["PST", "CET", "EST", "CEST", "IST", "A", "Europe"] {
        let text = format!("2026-01-31 22:30:00 {abbreviation}");
        assert_eq!(paris("%Y-%m-%d %H:%M:%S %Z", &text), Err(Fault::Abbreviation), "{abbreviation}");
    }
    assert_eq!(paris("%Y-%m-%d %H:%M:%S %Z", "2026-01-31 22:30:00 "), Err(Fault::Shape));
}

#[test]
fn declared_abbreviations_are_read_and_written_ones_need_it() {
    let offsets = [("PST".to_owned(), -28_800), ("CEST".to_owned(), 7_200)];
    let manner = Manner { abbreviations: &offsets, ..TIMED };
    let instant = |format: &str, text: &str| {
        UtcConverter::new(chrono_tz::Europe::Paris)
            .instant(&declared(format, manner).unwrap(), text.as_bytes())
    };
    let expected = DateTime::parse_from_rfc3339("2026-02-01T06:30:00Z").unwrap().timestamp_micros();
    assert_eq!(instant("%F %T %Z", "2026-01-31 22:30:00 PST"), Ok(expected));
    assert_eq!(instant("%F %T %Z", "2026-01-31 22:30:00 pst"), Ok(expected));
    assert_eq!(instant("%F %T PST", "2026-01-31 22:30:00 PST"), Ok(expected));
    assert_eq!(instant("%F %T %Z", "2026-02-01 08:30:00 CEST"), Ok(expected));
    assert_eq!(instant("%F %T %Z", "2026-01-31 22:30:00 EST"), Err(Fault::Abbreviation));
    assert_eq!(wrong("%F %T CET", TIMED), "has the zone abbreviation CET, whose offset is not declared");
    assert_eq!(wrong("%F %T (AEST)", TIMED), "has the zone abbreviation AEST, whose offset is not declared");
    // A word that is not a zone is a word.
    assert_eq!(read("%F %H:%M Uhr", "2026-01-31 22:30 Uhr").as_deref(), Ok("2026-01-31T22:30:00Z"));
    assert_eq!(read("%F %H:%M HRS", "2026-01-31 22:30 HRS").as_deref(), Ok("2026-01-31T22:30:00Z"));
}

#[test]
fn a_day_without_a_time_is_a_day_whatever_zone_stands_beside_it() {
    let format = declared("%Y-%m-%dZ", Manner { timed: false, ..TIMED }).unwrap();
    let day = UtcConverter::new(chrono_tz::America::New_York).day(format.read(b"2026-01-31Z").unwrap());
    assert_eq!(day, Ok(20_484));
    // Of a timestamp it is an instant.
    let instant = read_in(chrono_tz::America::New_York, "%Y-%m-%dZ", "2026-01-31Z");
    assert_eq!(instant, Ok(20_484 * 86_400 * MICROS));
}

#[test]
fn two_digits_name_a_year_of_a_declared_hundred() {
    let year = |last: i64, text: &str| {
        let manner = Manner { last_short_year: Some(last), timed: false, abbreviations: &[] };
        let day = declared("%d/%m/%y", manner).unwrap().read(text.as_bytes()).unwrap().day();
        (NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + TimeDelta::days(i64::from(day))).to_string()
    };
    for (text, expected) in [
        ("12/05/46", "1946-05-12"),
        ("01/01/68", "1968-01-01"),
        ("31/12/69", "1969-12-31"),
        ("07/03/05", "2005-03-07"),
        ("15/08/31", "1931-08-15"),
        ("15/08/26", "2026-08-15"),
        ("15/08/27", "1927-08-15"),
    ] {
        assert_eq!(year(2026, text), expected);
    }
    assert_eq!(year(2068, "12/05/46"), "2046-05-12");
    assert_eq!(year(1999, "12/05/00"), "1900-05-12");
    let silent = Manner { last_short_year: None, ..TIMED };
    for format in ["%d/%m/%y", "%D %T", "%x %X"] {
        assert_eq!(wrong(format, silent), "has two-digit years, but no declared century");
    }
}

#[test]
fn a_format_that_leaves_something_open_is_refused() {
    let date = Manner { timed: false, ..TIMED };
    for (format, manner, what) in [
        ("%d/%m", date, "does not give a complete date"),
        ("%H:%M", TIMED, "does not give a complete timestamp"),
        ("yyyy-MM-dd", date, "does not give a complete date"),
        ("", date, "does not give a complete date"),
        ("%Q", date, "has an unknown %-letter"),
        ("%d/%m/%Y %", TIMED, "has an unknown %-letter"),
        ("%Y-%U-%u", date, "has a %-letter that is not supported"),
        ("%d/%m/%Y %I:%M", TIMED, "reads 12-hour times without %p (AM or PM)"),
        ("%d/%m/%Y %p", TIMED, "reads AM or PM but no hour"),
        ("%d/%m/%Y %M", TIMED, "reads minutes but no hours"),
        ("%d/%m/%Y %H:%S", TIMED, "reads seconds but no minutes"),
        ("%d/%m/%Y %H:%M.%f", TIMED, "reads a fraction but no seconds"),
        ("%d/%m/%Y %z", TIMED, "reads a zone but no time of day"),
        ("%d/%m/%d/%Y", date, "has the same part twice"),
        ("%S%f%H%M %d/%m/%Y", TIMED, "does not separate the fraction from the next number"),
        ("%+ %Y", TIMED, "combines a complete format such as %+ with other letters"),
    ] {
        assert_eq!(wrong(format, manner), what, "{format}");
    }
}

#[test]
fn of_several_formats_the_first_that_reads_a_text_counts() {
    let formats = ["%d/%m/%Y", "%Y-%m-%d", "unix"].map(|format| declared(format, TIMED).unwrap());
    let any = TimeFormat::AnyOf(formats.to_vec());
    for text in ["31/01/2026", "2026-01-31", "1769817600"] {
        assert_eq!(
            UtcConverter::new(Tz::UTC).instant(&any, text.as_bytes()),
            Ok(20_484 * 86_400 * MICROS),
            "{text}"
        );
    }
    assert_eq!(any.read(b"31.01.2026"), Err(Fault::Shape));
    assert_eq!(any.read(b"31/02/2026"), Err(Fault::Calendar));
    // Days begin where midnight is skipped, in every format.
    let instant = UtcConverter::new(chrono_tz::America::Sao_Paulo).instant(&any, b"04/11/2018");
    assert_eq!(instant, Ok(1_541_300_400 * MICROS));
}

/// A piece of a format, and what an exporter writes there.
type Piece = (&'static str, fn(&DateTime<FixedOffset>) -> String);

const DATES: &[Piece] = &[
    ("%Y-%m-%d", |t| t.format("%Y-%m-%d").to_string()),
    ("%F", |t| t.format("%Y-%m-%d").to_string()),
    ("%d/%m/%Y", |t| t.format("%d/%m/%Y").to_string()),
    ("%d/%m/%Y", |t| t.format("%-d/%-m/%Y").to_string()),
    ("%m/%d/%Y", |t| t.format("%m/%d/%Y").to_string()),
    ("%Y%m%d", |t| t.format("%Y%m%d").to_string()),
    ("%d.%m.%y", |t| t.format("%d.%m.%y").to_string()),
    ("%e %b %Y", |t| t.format("%e %b %Y").to_string()),
    ("%B %-d, %Y", |t| t.format("%B %-d, %Y").to_string()),
    ("%a, %d %b %Y", |t| t.format("%A, %d %B %Y").to_string()),
    ("%Y-%j", |t| t.format("%Y-%j").to_string()),
    ("%G-W%V-%u", |t| t.format("%G-W%V-%u").to_string()),
    ("%d%b%Y", |t| t.format("%d%b%Y").to_string().to_uppercase()),
];

const TIMES: &[Piece] = &[
    ("%H:%M:%S", |t| t.format("%H:%M:%S").to_string()),
    ("%T", |t| t.format("%-H:%M:%S").to_string()),
    ("%Hh%Mm%Ss", |t| t.format("%Hh%Mm%Ss").to_string()),
    ("%H.%M.%S", |t| t.format("%H.%M.%S").to_string()),
    ("%k:%M:%S", |t| t.format("%k:%M:%S").to_string()),
    ("%p %I:%M:%S", |t| t.format("%p %I:%M:%S").to_string()),
    ("%P %l:%M:%S", |t| t.format("%P %l:%M:%S").to_string()),
];

const FRACTIONS: &[Piece] = &[
    ("", |_| String::new()),
    (".%f", |t| format!(".{:09}", t.nanosecond())),
    (".%f", |t| format!(".{:06}", t.nanosecond() / 1_000)),
    (".%f", |t| format!(".{:03}", t.nanosecond() / 1_000_000)),
    (".%f", |t| format!(".{}", t.nanosecond() / 100_000_000)),
    (",%f", |t| format!(",{:04}", t.nanosecond() / 100_000)),
    ("%.f", |t| t.format("%.f").to_string()),
    ("%.3f", |t| t.format("%.3f").to_string()),
    ("%.6f", |t| t.format("%.9f").to_string()),
    ("%3f", |t| t.format("%3f").to_string()),
    ("%6f", |t| t.format("%6f").to_string()),
    ("%9f", |t| t.format("%9f").to_string()),
];

/// Local to the zone of the column where nothing is written.
const ZONES: &[Piece] = &[
    ("", |_| String::new()),
    ("%z", |t| t.format("%z").to_string()),
    (" %z", |t| t.format(" %:z").to_string()),
    ("%:z", |t| t.format("%::z").to_string()),
    ("%#z", |t| t.format("%:z").to_string()),
    (" %Z", |t| format!(" GMT{}", t.format("%:z"))),
    (" %Z", |t| format!(" {}", t.format("%::z"))),
];

proptest! {
    // Of a million times some thousands fall into the years that are ignored.
    #![proptest_config(ProptestConfig {
        max_global_rejects: u32::MAX,
        ..ProptestConfig::with_cases(
            std::env::var("SILLAGE_TIMES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
        )
    })]

    #[test]
    fn what_is_written_in_a_format_is_read_as_the_same_moment(
        zone in select(&TZ_VARIANTS[..]),
        seconds in -1_260_000_000i64..1_890_000_000,
        nanos in prop_oneof![Just(0u32), 0u32..1_000_000_000],
        (date, time, fraction, offset) in (select(DATES), select(TIMES), select(FRACTIONS), select(ZONES)),
        date_last in any::<bool>(),
    ) {
        let utc = DateTime::from_timestamp(seconds, nanos).unwrap();
        let local = utc.with_timezone(&zone);
        let shown = local.with_timezone(&local.offset().fix());
        // Before railway time offsets had seconds, which chrono does not write.
        prop_assume!(shown.offset().local_minus_utc() % 60 == 0);
        let write = |piece: &Piece| (piece.1)(&shown);
        let written = format!("{}{}{}", write(&time), write(&fraction), write(&offset));
        let clock = format!("{}{}{}", time.0, fraction.0, offset.0);
        let (format, text) = match date_last {
            true => (format!("{clock} {}", date.0), format!("{written} {}", write(&date))),
            false => (format!("{} {clock}", date.0), format!("{} {written}", write(&date))),
        };
        // Two digits are of the hundred years to 2029.
        let found = read_in(zone, &format, &text);
        let micros = match write(&fraction).trim_start_matches(['.', ',']) {
            "" => 0,
            digits => format!("{digits:0<9}")[..6].parse::<i64>().unwrap(),
        };
        let expected = if offset.0.is_empty() {
            // Of an hour that comes twice the first is meant.
            let naive: NaiveDateTime = local.naive_local().with_nanosecond(0).unwrap();
            zone.from_local_datetime(&naive).earliest().unwrap().timestamp() * MICROS + micros
        } else {
            utc.timestamp() * MICROS + micros
        };
        prop_assert_eq!(found, Ok(expected), "{} in {} as {}", text, zone, format);
    }

    #[test]
    fn a_count_since_1970_is_read_back(seconds in -62_000_000_000i64..250_000_000_000, nanos in 0u32..1_000_000_000) {
        let micros = seconds * MICROS + i64::from(nanos / 1_000);
        let whole = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        prop_assert_eq!(read_in(Tz::UTC, "unix_ns", &whole.to_string()), Ok(micros));
        prop_assert_eq!(read_in(Tz::UTC, "unix_us", &micros.to_string()), Ok(micros));
        let millis = micros.div_euclid(1_000);
        prop_assert_eq!(read_in(Tz::UTC, "unix_ms", &millis.to_string()), Ok(millis * 1_000));
        prop_assert_eq!(read_in(Tz::UTC, "unix", &seconds.to_string()), Ok(seconds * MICROS));
    }

    #[test]
    fn no_bytes_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        text in "[0-9a-zA-Z:/., +-]{0,30}",
        (date, time, fraction, offset) in (select(DATES), select(TIMES), select(FRACTIONS), select(ZONES)),
    ) {
        let format = format!("{} {}{}{}", date.0, time.0, fraction.0, offset.0);
        for format in [format.as_str(), "iso", "unix", "unix_ns"] {
            let format = declared(format, TIMED).unwrap();
            let _ = format.read(&bytes);
            let _ = format.read(text.as_bytes());
        }
    }

    #[test]
    fn no_format_panics(format in "(%[-_0]?[A-Za-z+.]|%\\.[369]?f|[369]?f|[ /:.,Z+-]|.){0,8}", text in ".{0,20}") {
        if let Ok(format) = declared(&format, TIMED) {
            let _ = format.read(text.as_bytes());
        }
    }
}
