//! The most important figures of a section, in large type.

use maud::{Markup, html};

/// Returns figures with what they are, each at most once.
pub(super) fn tiles<N: AsRef<str>>(figures: &[(N, String)]) -> Markup {
    html! {
        dl class="tiles" {
            @for (name, figure) in figures {
                div { dt { (name.as_ref()) } dd { (figure) } }
            }
        }
    }
}
