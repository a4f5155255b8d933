//! Rows as a test writes them: a list of TOML tables, or a block of CSV text.

use toml::Spanned;
use toml::de::DeValue;

use super::cell::{Cell, Written};
use crate::error::Error;
use crate::name::is_identifier;
use crate::pipeline::document::Document;

/// Rows of cells under named columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grid {
    /// Each column and where it is first named.
    pub columns: Vec<(String, String)>,
    /// Each row: one cell a column.
    pub rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// Reads rows in either form.
    ///
    /// # Errors
    /// Everything that is wrong with them: neither a list nor a text, invalid names of columns, values
    /// that cannot be written so.
    pub fn read(document: &Document, value: &Spanned<DeValue>) -> Result<Grid, Vec<Error>> {
        match value.get_ref() {
            DeValue::Array(rows) => of_tables(document, rows.iter()),
            DeValue::String(text) => of_csv(text, |line| csv_place(document, value, line)),
            other => Err(vec![
                Error::config(format!("rows cannot be written as {}", name_of(other)))
                    .at(document.place_at(value.span().start))
                    .hint("write a list of rows, [{ column = value }], or a block of CSV text in \"\"\""),
            ]),
        }
    }

    fn column(&mut self, name: &str, place: impl FnOnce() -> String) -> usize {
        match self.columns.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                self.columns.push((name.to_owned(), place()));
                self.columns.len() - 1
            }
        }
    }
}

fn of_tables<'v, 't: 'v>(
    document: &Document,
    rows: impl Iterator<Item = &'v Spanned<DeValue<'t>>>,
) -> Result<Grid, Vec<Error>> {
    let (mut grid, mut errors) = (Grid::default(), Vec::new());
    for row in rows {
        let place = document.place_at(row.span().start);
        let Some(table) = row.get_ref().as_table() else {
            errors.push(
                Error::config(format!("a row cannot be written as {}", name_of(row.get_ref())))
                    .at(place)
                    .hint("write { column = value, … }"),
            );
            continue;
        };
        let mut keys: Vec<_> = table.iter().collect();
        // The columns as the author lists them, not as the alphabet does.
        keys.sort_by_key(|(name, _)| name.span().start);
        let mut cells: Vec<(usize, Cell)> = Vec::new();
        for (name, value) in keys {
            let at = grid.column(name.get_ref(), || document.place_at(name.span().start));
            let place = document.place_at(value.span().start);
            match written(value.get_ref()) {
                Ok(written) => cells.push((at, Cell { written, place })),
                Err(error) => errors.push(error.at(format!("column {}", name.get_ref())).at(place)),
            }
        }
        // Where nothing is named, the row itself is the place.
        let mut line = vec![Cell { written: Written::Unnamed, place }; grid.columns.len()];
        for (at, cell) in cells {
            line[at] = cell;
        }
        grid.rows.push(line);
    }
    // A column may be named by a later row only.
    for row in &mut grid.rows {
        let place = row.first().map(|cell| cell.place.clone()).unwrap_or_default();
        row.resize(grid.columns.len(), Cell { written: Written::Unnamed, place });
    }
    if errors.is_empty() { Ok(grid) } else { Err(errors) }
}

fn written(value: &DeValue) -> Result<Written, Error> {
    Ok(match value {
        DeValue::String(text) => Written::Text(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Written::Number(number.as_str().to_owned()),
        DeValue::Integer(_) => return Err(Error::config("write integers in decimal notation")),
        DeValue::Float(number) => Written::Number(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Written::Truth(*truth),
        DeValue::Datetime(moment) => Written::Text(moment.to_string()),
        other => {
            return Err(Error::config(format!("a value cannot be written as {}", name_of(other))).hint(
                "a value is a text, a number, true, false, or a date; for null do not write the column",
            ));
        }
    })
}

fn name_of(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Returns where a line of a CSV block is in the file.
fn csv_place(document: &Document, value: &Spanned<DeValue>, line: usize) -> String {
    let span = value.span();
    let whole = document.written(span.clone());
    // TOML drops a line break right after the opening quotes.
    let opened = ["\"\"\"\r\n", "'''\r\n", "\"\"\"\n", "'''\n"]
        .iter()
        .find(|opening| whole.starts_with(**opening))
        .map_or(0, |opening| opening.len());
    let mut at = opened;
    for _ in 0..line {
        match whole.get(at..).and_then(|rest| rest.find('\n')) {
            Some(end) => at += end + 1,
            None => break,
        }
    }
    document.place_at(span.start + at)
}

/// Reads a block of CSV: the first line names the columns, blank lines are ignored.
fn of_csv(text: &str, place: impl Fn(usize) -> String) -> Result<Grid, Vec<Error>> {
    let (mut grid, mut errors) = (Grid::default(), Vec::new());
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let Some((number, header)) = lines.next() else {
        return Err(vec![
            Error::config("the CSV block is empty")
                .at(place(0))
                .hint("its first line names the columns; [] means no rows"),
        ]);
    };
    match fields(header) {
        Ok(names) => {
            for field in names {
                let name = match field {
                    Written::Text(name) => name,
                    _ => String::new(),
                };
                if !is_identifier(&name) {
                    errors.push(
                        Error::config(format!("`{name}` is not a valid column name"))
                            .at(place(number))
                            .hint("the first line of a CSV block names the columns, separated by commas"),
                    );
                } else if grid.columns.iter().any(|(known, _)| *known == name) {
                    errors.push(
                        Error::config(format!("the column `{name}` is listed twice")).at(place(number)),
                    );
                } else {
                    grid.column(&name, || place(number));
                }
            }
        }
        Err(why) => errors.push(Error::config(why).at(place(number))),
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for (number, line) in lines {
        match fields(line) {
            Ok(fields) if fields.len() == grid.columns.len() => {
                let place = place(number);
                grid.rows
                    .push(fields.into_iter().map(|written| Cell { written, place: place.clone() }).collect());
            }
            Ok(fields) => errors.push(
                Error::config(format!(
                    "the row has {} fields, its header names {} columns",
                    fields.len(),
                    grid.columns.len()
                ))
                .at(place(number))
                .hint("write a text that contains a comma in double quotes"),
            ),
            Err(why) => errors.push(Error::config(why).at(place(number))),
        }
    }
    if errors.is_empty() { Ok(grid) } else { Err(errors) }
}

/// Returns the fields of a line. Nothing between two commas is null, `""` is the empty text.
fn fields(line: &str) -> Result<Vec<Written>, &'static str> {
    let mut fields = Vec::new();
    let mut rest = line.trim();
    loop {
        rest = rest.trim_start();
        let Some(mut quoted) = rest.strip_prefix('"') else {
            let (field, after) = match rest.split_once(',') {
                Some((field, after)) => (field, Some(after)),
                None => (rest, None),
            };
            let field = field.trim_end();
            fields.push(if field.is_empty() { Written::Null } else { Written::Text(field.to_owned()) });
            match after {
                Some(after) => rest = after,
                None => return Ok(fields),
            }
            continue;
        };
        let mut text = String::new();
        loop {
            let Some((part, after)) = quoted.split_once('"') else {
                return Err("a quoted field is not closed on its line");
            };
            text.push_str(part);
            match after.strip_prefix('"') {
                Some(more) => {
                    text.push('"');
                    quoted = more;
                }
                None => {
                    quoted = after.trim_start();
                    break;
                }
            }
        }
        fields.push(Written::Text(text));
        match quoted.strip_prefix(',') {
            Some(after) => rest = after,
            None if quoted.is_empty() => return Ok(fields),
            None => return Err("text follows the closing quote of a field (a quote inside must be doubled)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> Result<Grid, Vec<Error>> {
        of_csv(text, |line| format!("line {line}"))
    }

    fn texts(grid: &Grid) -> Vec<Vec<Option<&str>>> {
        let text = |cell: &Cell| match &cell.written {
            Written::Text(text) => Some(text.clone().leak() as &str),
            _ => None,
        };
        grid.rows.iter().map(|row| row.iter().map(text).collect()).collect()
    }

    #[test]
    fn csv_tells_null_from_the_empty_text() {
        let grid = csv("a, b,  c\n\n 1 ,  , \"\"\n x,\"y, \"\"z\"\"\" , \n").unwrap();
        assert_eq!(texts(&grid), [[Some("1"), None, Some("")], [Some("x"), Some("y, \"z\""), None]]);
        assert_eq!(grid.rows[1][0].place, "line 3");
    }

    #[test]
    fn a_csv_block_that_cannot_be_read_says_where() {
        for (text, message) in [
            ("", "is empty"),
            ("a,a\n", "listed twice"),
            ("a,B c\n", "not a valid column name"),
            ("a,b\n1\n", "1 fields"),
            ("a\n\"1\n", "not closed"),
            ("a\n\"1\"2\n", "closing quote"),
        ] {
            let error = csv(text).unwrap_err().remove(0).to_string();
            assert!(error.contains(message) && error.contains("line "), "{text:?}: {error}");
        }
    }
}
