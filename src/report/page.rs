//! The frame of the page: head, styles, the release it describes, contents.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::section::Section;
use crate::clock::show_instant;
use crate::warehouse::release::Release;

const STYLE: &str = include_str!("page.css");

/// Returns the whole page. Same release, same bytes.
pub fn html(release: &Release, sections: &[Section]) -> Markup {
    let name = if release.pipeline.is_empty() { "warehouse" } else { &release.pipeline };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // The file asks nobody for anything, whatever might once slip into it.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="generator" content=(concat!("sillage ", env!("CARGO_PKG_VERSION")));
                title { (name) ", release " (release.release) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (name) }
                    p class="quiet" {
                        "Release " (release.release) ", as of "
                        time datetime=(show_instant(release.as_of)) { (release.as_of.format("%-d %B %Y, %H:%M")) " UTC" }
                    }
                    @if sections.len() > 1 {
                        nav aria-label="Sections" {
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
                            (section.body)
                        }
                    }
                }
                footer class="quiet" {
                    p { "Counts and shares only: this page has no data of a single person." }
                }
            }
        }
    }
}
