//! `manual`: the chapters of the manual, on a terminal page by page.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::listing::Listing;
use super::output::OutputArgs;
use crate::error::{Error, Result};
use crate::manual::{CHAPTERS, chapter};
use crate::suggestion::did_you_mean_or_list;

#[derive(Debug, Args)]
pub struct ManualArgs {
    /// The chapter; without it they are listed
    #[arg(value_parser = PossibleValuesParser::new(CHAPTERS.iter().map(|chapter| chapter.name)))]
    chapter: Option<String>,
    /// A section of it, by the beginning of its heading
    section: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub fn manual(args: &ManualArgs) -> Result<()> {
    let Some(found) = args.chapter.as_deref().and_then(chapter) else {
        if !args.output.is_screen_table() {
            return Listing::default()
                .text("chapter", CHAPTERS.iter().map(|chapter| chapter.name))
                .text("about", CHAPTERS.iter().map(|chapter| chapter.summary()))
                .write(&args.output);
        }
        let width = CHAPTERS.iter().map(|chapter| chapter.name.len()).max().unwrap_or_default();
        for chapter in CHAPTERS {
            say!("{:width$}  {}", chapter.name, chapter.summary());
        }
        return Ok(());
    };
    args.output.require_none(&format!("a chapter is a text: sillage manual {0} > {0}.md", found.name))?;
    let text = match &args.section {
        None => found.text,
        Some(section) => found.section(section).ok_or_else(|| {
            let headings: Vec<&str> = found.headings().collect();
            Error::config(format!("the chapter {} has no section `{section}`", found.name))
                .hint(did_you_mean_or_list(section, headings.iter().copied(), "its sections are"))
        })?,
    };
    if !std::io::stdout().is_terminal() || !page(text) {
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
    Ok(())
}

/// Shows the text by the user's pager; false where there is none.
fn page(text: &str) -> bool {
    let pager = std::env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    let mut words = pager.split_whitespace();
    let Some(program) = words.next() else { return false };
    // As git does: leave the screen as it is, and end at once where one page is enough.
    let options = std::env::var("LESS").unwrap_or_else(|_| "FRX".to_owned());
    let pager = Command::new(program).args(words).env("LESS", options).stdin(Stdio::piped()).spawn();
    let Ok(mut pager) = pager else { return false };
    if let Some(mut input) = pager.stdin.take() {
        // Who has read enough closes the pipe.
        let _ = input.write_all(text.as_bytes());
    }
    pager.wait().is_ok_and(|status| status.success())
}
