//! The language of the page: every text stands in all of them at the place where it is used.

/// A language in which the page can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    French,
}

impl Language {
    /// Returns the one of two texts that is in this language. A text without its translation does not compile.
    pub(super) fn text<T>(self, english: T, french: T) -> T {
        match self {
            Language::English => english,
            Language::French => french,
        }
    }

    /// Returns its tag, as HTML names languages.
    pub(super) fn tag(self) -> &'static str {
        self.text("en", "fr")
    }
}
