//! A frame for tables that are wider than the screen.

use maud::{Markup, html};

/// Returns a table that scrolls by itself where it is wider than the screen.
pub(super) fn scrolled(label: &str, table: &Markup) -> Markup {
    html! { div class="scroll" tabindex="0" role="region" aria-label=(label) { (table) } }
}
