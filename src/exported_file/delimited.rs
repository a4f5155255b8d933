//! Records of a CSV file: fields with a delimiter between them, in quotes where they need them.

use super::formula_injection::SEPARATORS;

/// Adds a record and its line end. A field is quoted where it holds any sign that some program may take for the
/// end of a field or of a line, not only the delimiter: who opens the file with another delimiter than it has
/// must not see fields that nobody wrote. Numbers, of which some have a comma, need it for the delimiter alone. The
/// fields are in an encoding whose ASCII is that of ASCII.
pub fn write_record<'f>(fields: impl IntoIterator<Item = &'f [u8]>, delimiter: u8, out: &mut Vec<u8>) {
    let begin = out.len();
    for (place, field) in fields.into_iter().enumerate() {
        if place > 0 {
            out.push(delimiter);
        }
        let is_number = field.iter().all(|byte| b"0123456789.,-+eE".contains(byte));
        let is_special = |byte: &u8| {
            let separates = !is_number && SEPARATORS.iter().any(|sign| u32::from(*byte) == *sign as u32);
            *byte == delimiter || *byte == b'"' || separates
        };
        if !field.iter().any(is_special) {
            out.extend_from_slice(field);
            continue;
        }
        out.push(b'"');
        for byte in field {
            if *byte == b'"' {
                out.push(b'"');
            }
            out.push(*byte);
        }
        out.push(b'"');
    }
    if out.len() == begin {
        // One empty field, which without quotes is an empty line and no record.
        out.extend_from_slice(b"\"\"");
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_quoted_where_a_program_could_split_them() {
        let mut out = Vec::new();
        write_record(["a b", "x;y", "say \"é\"", ""].map(str::as_bytes), b',', &mut out);
        write_record([&b""[..]], b',', &mut out);
        write_record([&b"-12,5"[..], b"1,a"], b';', &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "a b,\"x;y\",\"say \"\"é\"\"\",\n\"\"\n-12,5;\"1,a\"\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            rows in prop::collection::vec(prop::collection::vec("[a;,|^\t\r\n\" 'é]{0,6}", 3), 0..5),
            delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|', b'^']),
        ) {
            let mut out = Vec::new();
            for row in &rows {
                write_record(row.iter().map(|field| field.as_bytes()), delimiter, &mut out);
            }
            let mut reader =
                csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(out.as_slice());
            let read: Vec<Vec<String>> =
                reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
            prop_assert_eq!(read, rows);
        }
    }
}
