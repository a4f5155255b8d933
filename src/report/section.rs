//! A section of the page.

use maud::Markup;

/// A part of the page.
pub(super) struct Section {
    /// Of its address within the page.
    pub anchor: &'static str,
    pub title: &'static str,
    pub body: Markup,
}
