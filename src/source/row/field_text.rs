//! The text of a field: doubled quotes made single, escapes resolved.

use memchr::memchr;

use super::record_span::Span;

/// What is in a field for something else.
#[derive(Debug, Clone, Copy)]
pub struct Quoting {
    pub quote: u8,
    pub escape: Option<u8>,
}

/// Returns the field's text; `scratch` holds it where it is not the very text of the file.
#[inline(always)]
pub fn field<'a>(text: &'a [u8], span: Span, quoting: Quoting, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let raw = &text[span.start as usize..span.end as usize];
    if span.doubled | span.escaped { written_otherwise(raw, span, quoting, scratch) } else { raw }
}

#[inline(never)]
fn written_otherwise<'a>(raw: &[u8], span: Span, quoting: Quoting, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    match quoting.escape.filter(|_| span.escaped) {
        Some(escape) => unescaped(raw, span.doubled.then_some(quoting.quote), escape, scratch),
        None => single(raw, quoting.quote, scratch),
    }
}

/// With doubled quotes made single.
fn single<'a>(raw: &[u8], quote: u8, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    let mut rest = raw;
    while let Some(at) = memchr(quote, rest) {
        scratch.extend_from_slice(&rest[..=at]);
        rest = &rest[(at + 2).min(rest.len())..];
    }
    scratch.extend_from_slice(rest);
    scratch
}

/// With what escapes stand for, as the dumps of MySQL and PostgreSQL have them: `\\n` and its like are
/// control characters, any other character stands for itself.
fn unescaped<'a>(raw: &[u8], doubled: Option<u8>, escape: u8, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == escape {
            scratch.extend(bytes.next().map(|escaped| match escaped {
                _ if escaped == escape => escaped,
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'b' => 0x08,
                b'v' => 0x0B,
                b'f' => 0x0C,
                b'0' => 0x00,
                b'Z' => 0x1A,
                other => other,
            }));
        } else {
            scratch.push(byte);
            if doubled == Some(byte) {
                bytes.next();
            }
        }
    }
    scratch
}
