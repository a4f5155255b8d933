//! In what form rows are written: as `--format` says, or the ending of the file.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::csv_writer::CsvOptions;
use crate::error::{Error, Result};
use crate::exported_file::{Delimiter, Dialect, TextEncoding};

/// A form of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Csv,
    // CSV with tabs.
    Tsv,
    // A workbook for spreadsheets.
    Xlsx,
    // One object a line.
    Json,
    Parquet,
}

/// The endings of files, each with the form that it stands for.
const ENDINGS: [(&str, Format); 7] = [
    ("csv", Format::Csv),
    ("tsv", Format::Tsv),
    ("xlsx", Format::Xlsx),
    ("json", Format::Json),
    ("jsonl", Format::Json),
    ("ndjson", Format::Json),
    ("parquet", Format::Parquet),
];

/// How the text of a CSV file is written.
#[derive(Debug, Default, Args)]
pub struct CsvArgs {
    /// Between the fields of CSV: , ; tab | : ^ ~
    #[arg(long, value_name = "SIGN", help_heading = "CSV")]
    delimiter: Option<Delimiter>,
    /// Of CSV: utf-8, utf-8-bom for spreadsheets, utf-16le, windows-1252, iso-8859-15, …
    #[arg(long, value_name = "NAME", help_heading = "CSV")]
    encoding: Option<TextEncoding>,
    /// Write 12,5 for 12.5, as French spreadsheets read numbers of CSV
    #[arg(long, help_heading = "CSV")]
    decimal_comma: bool,
    /// Leave texts that begin as formulas do as they are, for a program; a spreadsheet may carry them out
    #[arg(long, help_heading = "CSV")]
    keep_formulas: bool,
}

impl Format {
    /// Returns the form of what goes to the screen or to a file.
    ///
    /// # Errors
    /// A file whose ending does not say its form, or another one than was asked for.
    pub fn of(asked: Option<Format>, file: Option<&Path>) -> Result<Format> {
        let Some(file) = file else { return Ok(asked.unwrap_or(Format::Table)) };
        let ending = file.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let by_ending = ending
            .as_deref()
            .and_then(|ending| ENDINGS.iter().find(|(known, _)| *known == ending).map(|(_, format)| *format));
        let shown = file.display();
        match (asked, by_ending) {
            (Some(asked), Some(other)) if asked != other => Err(Error::config(format!(
                "--format {} and the ending of {shown} do not agree",
                asked.name()
            ))
            .hint(format!("leave --format out to write {}, or name the file otherwise", other.name()))),
            (Some(format), _) | (None, Some(format)) => Ok(format),
            (None, None) => Err(Error::config(match ending {
                Some(ending) => format!("{shown}: no form of rows has the ending .{ending}"),
                None => format!("{shown} has no ending that says the form of its rows"),
            })
            .hint(format!("known are {}; or say --format", known_endings()))),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

fn known_endings() -> String {
    let endings: Vec<String> = ENDINGS.iter().map(|(ending, _)| format!(".{ending}")).collect();
    endings.join(", ")
}

impl CsvArgs {
    /// Returns whether any of these was given.
    pub fn is_asked(&self) -> bool {
        self.delimiter.is_some() || self.encoding.is_some() || self.decimal_comma || self.keep_formulas
    }

    /// Returns how CSV is written; `None` for a form that is no CSV.
    ///
    /// # Errors
    /// An option of CSV for another form; a delimiter that tabs or decimal commas leave no room for.
    pub fn options(&self, format: Format) -> Result<Option<CsvOptions>> {
        let delimiter = match format {
            Format::Csv => self.delimiter.unwrap_or_default(),
            Format::Tsv => match self.delimiter {
                None | Some(Delimiter::TAB) => Delimiter::TAB,
                Some(other) => {
                    return Err(Error::config(format!("tsv has tabs between its fields, and not {other}"))
                        .hint("write csv"));
                }
            },
            Format::Table | Format::Xlsx | Format::Json | Format::Parquet => {
                return match self.given() {
                    None => Ok(None),
                    Some(option) => Err(Error::config(format!(
                        "{option} is for csv, and what is written is {}",
                        format.name()
                    ))
                    .hint("leave it out, or write csv: -o FILE.csv or --format csv")),
                };
            }
        };
        if self.decimal_comma && delimiter == Delimiter::COMMA {
            return Err(Error::config("--decimal-comma beside a comma between the fields")
                .hint("add --delimiter ';'"));
        }
        Ok(Some(CsvOptions {
            dialect: Dialect { delimiter, encoding: self.encoding.unwrap_or_default() },
            decimal_comma: self.decimal_comma,
            keep_formulas: self.keep_formulas,
        }))
    }

    /// One of the options that were given.
    fn given(&self) -> Option<&'static str> {
        let options = [
            (self.delimiter.is_some(), "--delimiter"),
            (self.encoding.is_some(), "--encoding"),
            (self.decimal_comma, "--decimal-comma"),
            (self.keep_formulas, "--keep-formulas"),
        ];
        options.iter().find(|(is_given, _)| *is_given).map(|(_, option)| *option)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked: Option<Format>, file: &str) -> Result<Format, String> {
        Format::of(asked, Some(Path::new(file))).map_err(|error| error.to_string())
    }

    #[test]
    fn the_ending_says_the_form_whatever_its_case() {
        for (file, format) in [
            ("a.csv", Format::Csv),
            ("a.b.TSV", Format::Tsv),
            ("liste.XLSX", Format::Xlsx),
            ("a.ndjson", Format::Json),
            ("a.parquet", Format::Parquet),
        ] {
            assert_eq!(of(None, file), Ok(format), "{file}");
            assert_eq!(of(Some(format), file), Ok(format), "{file}");
        }
        assert_eq!(of(Some(Format::Csv), "list"), Ok(Format::Csv));
        assert_eq!(of(Some(Format::Table), "list.txt"), Ok(Format::Table));
        assert_eq!(Format::of(None, None).unwrap(), Format::Table);
    }

    #[test]
    fn other_endings_none_and_those_that_disagree_are_refused() {
        for (asked, file, said) in [
            (None, "b.xls", "the ending .xls"),
            (None, "list", "no ending"),
            (None, ".csv", "no ending"),
            (Some(Format::Parquet), "b.csv", "--format parquet and the ending of b.csv do not agree"),
            (Some(Format::Csv), "b.tsv", "do not agree"),
        ] {
            let error = of(asked, file).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(
            of(None, "b.xls").unwrap_err().contains(".csv, .tsv, .xlsx, .json, .jsonl, .ndjson, .parquet")
        );
    }

    #[test]
    fn options_of_csv_are_for_csv() {
        let semicolon = || CsvArgs { delimiter: "semicolon".parse().ok(), ..CsvArgs::default() };
        assert!(semicolon().options(Format::Csv).unwrap().is_some());
        assert!(CsvArgs::default().options(Format::Parquet).unwrap().is_none());
        let tab = CsvArgs::default().options(Format::Tsv).unwrap().unwrap();
        assert_eq!(tab.dialect.delimiter, Delimiter::TAB);
        for format in [Format::Table, Format::Tsv, Format::Xlsx, Format::Json, Format::Parquet] {
            assert!(semicolon().options(format).is_err(), "{format:?}");
        }
        let comma = CsvArgs { decimal_comma: true, ..CsvArgs::default() };
        assert!(comma.options(Format::Csv).unwrap_err().to_string().contains("--delimiter ';'"));
        assert!(comma.options(Format::Tsv).is_ok());
    }
}
