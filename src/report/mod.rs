//! The report: what a release has to say, as one HTML file that needs nothing else.
//!
//! ```text
//! page          the frame: head, styles, contents
//! section       a section: its title and its body
//! language      English and French: texts, number, date, word
//! reader, rows  small results of SQL, read by column
//! small_groups  groups of too few customers to be shown alone
//! chart         charts, as inline SVG
//! tiles         the figures that a section begins with
//! portfolio     a section: what the customers are worth, and who came and went
//! profit        a section: from sales to profit, and who costs more than they bring
//! value         a section: what customers will bring, and whether earlier promises were kept
//! journey       a section: what winning customers costs, and whether they stay
//! objectives    a section: where the objectives stand
//! who_is_who    a section: how good the linkage is
//! models        a section: how good the propensities are
//! ```
//!
//! A section is one file or folder with one function, which reads marts of the release and gives its part of the
//! page, or nothing where its tables are not there. There is no script and no address in the file: it
//! can be sent by mail, opened anywhere and kept. It shows counts, shares and sums only, never a row about a
//! person, and no group of a few persons alone.

mod chart;
mod date;
mod journey;
mod language;
mod models;
mod number;
mod objectives;
mod page;
mod portfolio;
mod profit;
mod reader;
mod rows;
mod scrolled;
mod section;
mod small_groups;
mod tiles;
mod value;
mod who_is_who;
mod word;

use maud::{Markup, html};

pub use language::Language;

use crate::error::{Error, Result};
use crate::warehouse::catalog::Catalog;
use crate::warehouse::release::Release;
use reader::{LeftOut, Reader};
use section::Section;

/// A page, and what it lacks.
#[derive(Debug)]
pub struct Page {
    pub html: String,
    /// Tables that are not shown because they are others than those of sillage's own models, and why, in English.
    pub left_out: Vec<String>,
}

/// Returns the page about a release, whose tables the catalog has.
///
/// # Errors
/// The release has no table that any section shows; a table that a step of sillage makes has other columns than it
/// writes.
pub async fn page(catalog: &Catalog, release: &Release, language: Language) -> Result<Page> {
    let mut gathered = Gathered { language, sections: Vec::new(), left_out: Vec::new() };
    let reader = || Reader::new(catalog, language, release.reading.zone());

    let mut of = reader();
    let body = portfolio::section(&mut of).await?;
    gathered.add("portfolio", language.text("Portfolio", "Portefeuille"), body, of);

    let mut of = reader();
    let body = profit::section(&mut of).await?;
    gathered.add("profit", language.text("From sales to profit", "Des ventes au bénéfice"), body, of);

    let mut of = reader();
    let body = value::section(&mut of).await?;
    let title = language.text("Value and its track record", "Valeur à venir et promesses tenues");
    gathered.add("value", title, body, of);

    let mut of = reader();
    let body = journey::section(&mut of).await?;
    gathered.add("journey", language.text("Journey", "Parcours"), body, of);

    let mut of = reader();
    let body = objectives::section(&mut of).await?;
    gathered.add("objectives", language.text("Objectives", "Objectifs"), body, of);

    let of = reader();
    let body = who_is_who::section(&of).await?;
    gathered.add("who-is-who", language.text("Who is who", "Qui est qui"), body, of);

    let of = reader();
    let body = models::section(&of).await?;
    gathered.add("models", language.text("Models", "Modèles"), body, of);

    if gathered.sections.is_empty() {
        return Err(Error::failed(format!("release {} has no data for a report", release.release)).hint(
            "add [match_quality], next to [identity], [value.<name>], [objectives.<name>] or [propensity.<name>] to \
             the pipeline, and run it",
        ));
    }
    let html = page::html(release, &gathered.sections, language).into_string();
    let left_out = gathered.left_out.iter().map(|left_out| left_out.in_words(Language::English)).collect();
    Ok(Page { html, left_out })
}

/// The sections that there are so far, and what they lack.
struct Gathered {
    language: Language,
    sections: Vec<Section>,
    left_out: Vec<LeftOut>,
}

impl Gathered {
    /// Adds a section, unless it has nothing to show and lacks nothing; what it lacks is said at its end.
    fn add(&mut self, anchor: &'static str, title: &'static str, body: Option<Markup>, reader: Reader) {
        let left_out = reader.into_left_out();
        if body.is_none() && left_out.is_empty() {
            return;
        }
        let body = html! {
            @if let Some(body) = body { (body) }
            @for lacking in &left_out { p class="note" { (lacking.in_words(self.language)) } }
        };
        self.sections.push(Section { anchor, title, body });
        self.left_out.extend(left_out);
    }
}
