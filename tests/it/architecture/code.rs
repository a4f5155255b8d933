//! A source file as words: comments, texts and unit tests left out.

/// A word or a sign, and the line it stands on.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    pub text: String,
    pub line: usize,
}

/// The words of a source file. Of `a::b`, `::` is one; texts and comments are none.
pub fn words(source: &str) -> Vec<Word> {
    let chars: Vec<char> = source.chars().collect();
    let mut words = Vec::new();
    let (mut at, mut line) = (0, 1);
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    while at < chars.len() {
        let next = |n: usize| chars.get(at + n).copied().unwrap_or('\0');
        let start = at;
        match chars[at] {
            '/' if next(1) == '/' => at = end_of(&chars, at, &['\n']),
            '/' if next(1) == '*' => at = end_of(&chars, at + 2, &['*', '/']),
            '"' => at = end_of_text(&chars, at + 1),
            'r' | 'b' if opens_raw_text(&chars, at) => at = end_of_raw_text(&chars, at),
            'b' | 'c' if next(1) == '"' => at = end_of_text(&chars, at + 2),
            // A character, or a lifetime: of the latter no quote follows the letter.
            '\'' if next(1) == '\\' => at = end_of(&chars, at + 3, &['\'']),
            '\'' if next(2) == '\'' => at += 3,
            ':' if next(1) == ':' => {
                words.push(Word { text: "::".to_owned(), line });
                at += 2;
            }
            c if is_letter(c) => {
                while at < chars.len() && is_letter(chars[at]) {
                    at += 1;
                }
                words.push(Word { text: chars[start..at].iter().collect(), line });
            }
            c => {
                if !c.is_whitespace() {
                    words.push(Word { text: c.to_string(), line });
                }
                at += 1;
            }
        }
        line += chars[start..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    words
}

fn end_of(chars: &[char], from: usize, end: &[char]) -> usize {
    let found = (from..chars.len()).find(|at| chars[*at..].starts_with(end));
    found.map_or(chars.len(), |at| at + end.len())
}

fn end_of_text(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn opens_raw_text(chars: &[char], at: usize) -> bool {
    let rest = &chars[at + usize::from(chars[at] == 'b')..];
    let hashes = rest.iter().skip(1).take_while(|c| **c == '#').count();
    rest.first() == Some(&'r') && rest.get(1 + hashes) == Some(&'"')
}

fn end_of_raw_text(chars: &[char], at: usize) -> usize {
    let quote = end_of(chars, at, &['"']);
    let hashes = chars[at..quote].iter().filter(|c| **c == '#').count();
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    end_of(chars, quote, &end)
}

/// The words without what is compiled for unit tests only.
pub fn without_tests(words: &[Word]) -> Vec<Word> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let here = words[at..].iter().take(TEST.len()).map(|word| word.text.as_str());
        if here.eq(TEST) {
            at = end_of_item(words, at + TEST.len());
        } else {
            kept.push(words[at].clone());
            at += 1;
        }
    }
    kept
}

/// The place after an item: after its body, or after the `;` that ends it.
pub fn end_of_item(words: &[Word], from: usize) -> usize {
    let mut depth = 0_i32;
    for (at, word) in words.iter().enumerate().skip(from) {
        match word.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    words.len()
}

/// A function: its name, the line of its `fn`, and how many lines it has.
pub fn functions(words: &[Word]) -> Vec<(String, usize, usize)> {
    let mut functions = Vec::new();
    for (at, word) in words.iter().enumerate().filter(|(_, word)| word.text == "fn") {
        let Some(name) = words.get(at + 1).filter(|name| name.text != "(") else { continue };
        let last = &words[end_of_item(words, at) - 1];
        functions.push((name.text.clone(), word.line, last.line - word.line + 1));
    }
    functions
}

#[test]
fn texts_and_comments_are_no_words_and_lines_are_counted() {
    let found = words(
        "fn f<'a>() {\n  // crate::x\n  let a = \"b::c\\\"\"; let d = '\\''; r#\"e\"f\"#;\n  g::h()\n}",
    );
    let text: Vec<&str> = found.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(text.join(" "), "fn f < ' a > ( ) { let a = ; let d = ; ; g :: h ( ) }",);
    assert_eq!(found.last().unwrap().line, 5);
    assert_eq!(functions(&found), [("f".to_owned(), 1, 5)]);
}

#[test]
fn what_is_for_tests_only_is_left_out() {
    let found = without_tests(&words("a; #[cfg(test)] impl A { fn b() { c } } d; #[cfg(test)] mod e; f"));
    let text: Vec<&str> = found.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(text.join(" "), "a ; d ; f");
}
