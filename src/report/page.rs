//! The frame of the page: head, styles, the release it describes, contents.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::language::Language;
use super::section::Section;
use super::small_groups::LEAST_CUSTOMERS;
use crate::clock::show_instant;
use crate::warehouse::release::Release;

const STYLE: &str = include_str!("page.css");

/// Returns the whole page. Same release and language, same bytes.
pub fn html(release: &Release, sections: &[Section], language: Language) -> Markup {
    let name = match release.pipeline.as_str() {
        "" => language.text("warehouse", "entrepôt"),
        pipeline => pipeline,
    };
    let of_release = format!("{} {}", language.text("release", "version"), release.release);
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // The file asks nobody for anything, whatever might once slip into it.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="generator" content=(concat!("sillage ", env!("CARGO_PKG_VERSION")));
                title { (name) ", " (of_release) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (name) }
                    p class="quiet" {
                        (language.text("Release", "Version")) " " (release.release)
                        (language.text(", as of ", ", au "))
                        time datetime=(show_instant(release.as_of)) { (language.instant(release.as_of)) }
                    }
                    @if sections.len() > 1 {
                        nav aria-label=(language.text("Sections", "Rubriques")) {
                            ul {
                                @for section in sections {
                                    li { a href=(format!("#{}", section.anchor)) { (section.title) } }
                                }
                            }
                        }
                    }
                }
                main {
                    @for section in sections {
                        section id=(section.anchor) aria-labelledby=(format!("{}-title", section.anchor)) {
                            h2 id=(format!("{}-title", section.anchor)) { (section.title) }
                            (typeset(language, &section.body))
                        }
                    }
                }
                footer class="quiet" {
                    p { (typeset(language, &html! { (privacy(language)) })) }
                }
            }
        }
    }
}

/// Returns a text as its language sets it: in French no line begins with a sign that a space stands before.
fn typeset(language: Language, text: &Markup) -> Markup {
    if language == Language::English {
        return text.clone();
    }
    let signs = [" :", " ;", " ?", " !"];
    PreEscaped(
        signs.iter().fold(text.0.clone(), |text, sign| text.replace(sign, &sign.replace(' ', "\u{a0}"))),
    )
}

/// What the page never shows.
fn privacy(language: Language) -> String {
    language.text(
        format!(
            "Counts, shares and sums only: this page has no data of a single person. Groups of fewer than \
             {LEAST_CUSTOMERS} customers are not shown alone. Amounts are in the currency of the data."
        ),
        format!(
            "Uniquement des nombres, des parts et des sommes : cette page ne contient aucune donnée sur une personne. \
             Les groupes de moins de {LEAST_CUSTOMERS} clients ne sont pas affichés seuls. Les montants sont dans la \
             monnaie des données."
        ),
    )
}
