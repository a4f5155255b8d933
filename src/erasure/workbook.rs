//! Removes rows from a workbook that sillage wrote: a sheet whose texts stand in its cells.
//!
//! A spreadsheet that saves a workbook keeps its texts in a table of their own, where they would stay after their
//! rows had gone: such a file is not ours any more.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, Writer};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::{Context, Result};

const SHEET: &str = "xl/worksheets/sheet1.xml";
/// Parts of workbooks that others wrote.
const FOREIGN: [&str; 2] = ["xl/sharedStrings.xml", "xl/worksheets/sheet2.xml"];
/// What a sheet has.
const COLUMNS: usize = 16_384;
const READING: &str = "read the workbook";
const WRITING: &str = "write the workbook";

/// Copies a workbook without the rows that `is_erased` names by the texts of their cells, from the first column on
/// and beginning with the header. Returns how many there were; `None` for a file that is no workbook
/// of ours.
///
/// # Errors
/// The file cannot be read, or the copy not be written.
pub fn copy_without(
    file: File,
    out: &mut BufWriter<&File>,
    mut is_erased: impl FnMut(&[Cow<'_, str>]) -> bool,
) -> Result<Option<u64>> {
    let mut archive = match ZipArchive::new(BufReader::new(file)) {
        Ok(archive) => archive,
        Err(zip::result::ZipError::Io(error)) if error.raw_os_error().is_some() => {
            return Err(error).doing(READING);
        }
        Err(_) => return Ok(None),
    };
    if FOREIGN.iter().any(|part| archive.index_for_name(part).is_some())
        || archive.index_for_name(SHEET).is_none()
    {
        return Ok(None);
    }
    let mut copy = ZipWriter::new(out);
    let mut rows = None;
    for place in 0..archive.len() {
        let part = archive.by_index_raw(place).doing(READING)?;
        if part.name().doing(READING)? != SHEET {
            copy.raw_copy_file(part).doing(WRITING)?;
            continue;
        }
        let is_large = part.size() >= u64::from(u32::MAX);
        drop(part);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(zip::DateTime::default())
            .large_file(is_large);
        copy.start_file(SHEET, options).doing(WRITING)?;
        let part = archive.by_index(place).doing(READING)?;
        rows = Sheet::new(&mut copy, &mut is_erased).copy(part)?;
        if rows.is_none() {
            return Ok(None);
        }
    }
    copy.finish().doing(WRITING)?;
    Ok(rows)
}

/// A sheet that is being copied, row by row.
struct Sheet<'s, W: Write, F> {
    out: Writer<W>,
    is_erased: &'s mut F,
    removed: u64,
    /// The row that is being read.
    row: Option<Row>,
}

#[derive(Default)]
struct Row {
    events: Vec<Event<'static>>,
    /// From the first column on.
    cells: Vec<Cow<'static, str>>,
    /// In a text or a value of a cell.
    is_value: bool,
}

impl<'s, W: Write, F: FnMut(&[Cow<'_, str>]) -> bool> Sheet<'s, W, F> {
    fn new(out: W, is_erased: &'s mut F) -> Self {
        Sheet { out: Writer::new(out), is_erased, removed: 0, row: None }
    }

    fn copy(mut self, sheet: impl Read) -> Result<Option<u64>> {
        let mut reader = Reader::from_reader(BufReader::new(sheet));
        let mut buffer = Vec::new();
        loop {
            match reader.read_event_into(&mut buffer) {
                Ok(Event::Eof) => return Ok(Some(self.removed)),
                Ok(event) => {
                    if self.event(event)?.is_break() {
                        return Ok(None);
                    }
                }
                Err(quick_xml::Error::Io(error)) => return Err(error).doing(READING),
                Err(_) => return Ok(None),
            }
            buffer.clear();
        }
    }

    /// `Break` at what sillage does not write.
    fn event(&mut self, event: Event<'_>) -> Result<ControlFlow<()>> {
        match &event {
            Event::Start(tag) if tag.name().as_ref() == b"row" => self.row = Some(Row::default()),
            Event::Empty(tag) if tag.name().as_ref() == b"row" => {
                let empty = Row { events: vec![event.into_owned()], ..Row::default() };
                return self.put(empty).map(ControlFlow::Continue);
            }
            _ => {}
        }
        let Some(row) = &mut self.row else {
            self.out.write_event(event).doing(WRITING)?;
            return Ok(ControlFlow::Continue(()));
        };
        let is_end = matches!(&event, Event::End(tag) if tag.name().as_ref() == b"row");
        if row.take(&event).is_none() {
            return Ok(ControlFlow::Break(()));
        }
        row.events.push(event.into_owned());
        if is_end && let Some(row) = self.row.take() {
            self.put(row)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Writes a whole row, moved up by those that went before it.
    fn put(&mut self, row: Row) -> Result<()> {
        if (self.is_erased)(&row.cells) {
            self.removed += 1;
            return Ok(());
        }
        for event in row.events {
            let event = match event {
                Event::Start(tag) => Event::Start(moved_up(tag, self.removed)),
                Event::Empty(tag) => Event::Empty(moved_up(tag, self.removed)),
                other => other,
            };
            self.out.write_event(event).doing(WRITING)?;
        }
        Ok(())
    }
}

impl Row {
    /// Takes what a part of the row says of its cells; `None` for what sillage does not write.
    fn take(&mut self, event: &Event<'_>) -> Option<()> {
        match event {
            Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() == b"c" => {
                if attribute(tag, "t").is_some_and(|kind| kind == "s") {
                    return None;
                }
                let place = attribute(tag, "r")?;
                // Further to the right than the one before.
                let column = column_of(&place).filter(|column| *column > self.cells.len())?;
                self.cells.resize(column, Cow::Borrowed(""));
            }
            Event::Start(tag) if [&b"t"[..], b"v"].contains(&tag.name().as_ref()) => self.is_value = true,
            Event::End(tag) if [&b"t"[..], b"v"].contains(&tag.name().as_ref()) => self.is_value = false,
            Event::Text(text) if self.is_value => self.add(&text.decode().ok()?),
            Event::GeneralRef(reference) if self.is_value => match reference.resolve_char_ref().ok()? {
                Some(character) => self.add(character.encode_utf8(&mut [0; 4])),
                None => self.add(quick_xml::escape::resolve_xml_entity(&reference.decode().ok()?)?),
            },
            _ => {}
        }
        Some(())
    }

    fn add(&mut self, text: &str) {
        if let Some(value) = self.cells.last_mut() {
            value.to_mut().push_str(text);
        }
    }
}

/// Returns which column a cell is in, from 1: `AB7` is in the 28th.
fn column_of(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_uppercase);
    let column = letters.fold(0, |column: usize, letter| column * 26 + usize::from(letter - b'A') + 1);
    (1..=COLUMNS).contains(&column).then_some(column)
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.try_get_attribute(name).ok()??;
    String::from_utf8(found.value.into_owned()).ok()
}

/// Returns the tag of a row or a cell so many rows further up.
fn moved_up(tag: BytesStart<'static>, rows: u64) -> BytesStart<'static> {
    if rows == 0 || ![&b"row"[..], b"c"].contains(&tag.name().as_ref()) {
        return tag;
    }
    let mut moved = tag.to_owned();
    moved.clear_attributes();
    for attribute in tag.attributes().flatten() {
        let value = String::from_utf8_lossy(&attribute.value);
        let value = if attribute.key.as_ref() == b"r" { place_up(&value, rows) } else { value.into_owned() };
        moved.push_attribute((attribute.key.as_ref(), value.as_bytes()));
    }
    moved
}

fn place_up(place: &str, rows: u64) -> String {
    let letters = place.trim_end_matches(|c: char| c.is_ascii_digit());
    match place[letters.len()..].parse::<u64>() {
        Ok(number) => format!("{letters}{}", number.saturating_sub(rows)),
        Err(_) => place.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn book(parts: &[(&str, &str)]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in parts {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        file.write_all(&zip.finish().unwrap().into_inner()).unwrap();
        file
    }

    fn sheet(rows: &str) -> String {
        format!("<worksheet><sheetData>{rows}</sheetData><autoFilter ref=\"A1:B4\"/></worksheet>")
    }

    fn without(file: File, erased: &str) -> Option<(u64, String)> {
        let copy = tempfile::tempfile().unwrap();
        let mut out = BufWriter::new(&copy);
        let has = |cells: &[Cow<'_, str>]| cells.iter().any(|text| text == erased);
        let rows = copy_without(file, &mut out, has).unwrap()?;
        out.flush().unwrap();
        drop(out);
        let mut archive = ZipArchive::new(copy).unwrap();
        assert_eq!(std::io::read_to_string(archive.by_name("other.xml").unwrap()).unwrap(), "<kept/>");
        Some((rows, std::io::read_to_string(archive.by_name(SHEET).unwrap()).unwrap()))
    }

    const HEADER: &str = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>name</t></is></c></row>";
    const SECOND: &str = "<row r=\"2\"><c r=\"A2\" s=\"1\" t=\"inlineStr\"><is><t>A &amp; B&#233;</t></is></c><c r=\"B2\"><v>7</v></c></row>";

    #[test]
    fn rows_go_and_those_below_move_up() {
        let rows = format!("{HEADER}{SECOND}<row r=\"3\"/><row r=\"4\"><c r=\"B4\"><v>8</v></c></row>");
        let file = book(&[("other.xml", "<kept/>"), (SHEET, &sheet(&rows))]);
        let left = format!("{HEADER}<row r=\"2\"/><row r=\"3\"><c r=\"B3\"><v>8</v></c></row>");
        assert_eq!(without(file, "A & Bé"), Some((1, sheet(&left))));
    }

    #[test]
    fn without_the_person_the_sheet_is_the_same() {
        let same = sheet(&format!("{HEADER}{SECOND}"));
        let file = book(&[("other.xml", "<kept/>"), (SHEET, &same)]);
        assert_eq!(without(file, "nobody"), Some((0, same)));
    }

    #[test]
    fn what_a_spreadsheet_saved_is_not_ours() {
        let strings = book(&[(SHEET, &sheet(HEADER)), ("xl/sharedStrings.xml", "<sst/>")]);
        let shared = book(&[(SHEET, &sheet("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>"))]);
        let mut no_zip = tempfile::tempfile().unwrap();
        no_zip.write_all(b"PK\x03\x04 not really").unwrap();
        for file in [strings, shared, no_zip] {
            assert_eq!(without(file, "x"), None);
        }
    }
}
