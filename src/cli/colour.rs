//! Colour where stderr is a terminal, unless NO_COLOR says otherwise; nowhere else.

use console::{Style, colors_enabled_stderr};

/// What a text says, by which it has its colour.
#[derive(Debug, Clone, Copy)]
pub enum Tone {
    Wrong,
    Careful,
    Good,
    Hint,
    Quiet,
}

/// Returns the text in the colour of its tone.
pub fn toned(tone: Tone, text: &str) -> String {
    painted(tone, text, colors_enabled_stderr())
}

fn painted(tone: Tone, text: &str, coloured: bool) -> String {
    let style = Style::new().force_styling(coloured);
    let style = match tone {
        Tone::Wrong => style.red().bold(),
        Tone::Careful => style.yellow(),
        Tone::Good => style.green(),
        Tone::Hint => style.cyan(),
        Tone::Quiet => style.dim(),
    };
    style.apply_to(text).to_string()
}

/// Returns an error as it is shown: `error:` and `hint:` and the mark below a line stand out.
pub fn error(shown: &str) -> String {
    error_painted(shown, colors_enabled_stderr())
}

fn error_painted(shown: &str, coloured: bool) -> String {
    let toned = |tone, text: &str| painted(tone, text, coloured);
    let line = |line: &str| {
        if let Some(rest) = line.strip_prefix("error: ") {
            format!("{} {rest}", toned(Tone::Wrong, "error:"))
        } else if let Some(rest) = line.strip_prefix("  hint: ") {
            format!("  {} {rest}", toned(Tone::Hint, "hint:"))
        } else {
            match line.split_once('^') {
                Some((before, rest))
                    if before.trim_end().ends_with('|') && rest.trim_matches('^').is_empty() =>
                {
                    format!("{before}{}", toned(Tone::Wrong, &format!("^{rest}")))
                }
                _ => line.to_owned(),
            }
        }
    };
    shown.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Tells a warning on stderr, in one line.
pub fn warn(text: &str) {
    eprintln!("{} {text}", toned(Tone::Careful, "warning:"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_nothing_is_coloured() {
        let shown = "error: wrong\n  1 | a\n    | ^\n  hint: right";
        assert_eq!(error_painted(shown, false), shown);
    }

    #[test]
    fn a_mark_is_known_by_the_bar_before_it() {
        let shown = error_painted("error: a ^ b\n    |  ^^", true);
        assert!(shown.contains("a ^ b") && shown.ends_with("\u{1b}[0m"), "{shown:?}");
    }
}
