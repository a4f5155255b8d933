//! The manual: chapters in Markdown beside this file, which are in the binary too.

#[cfg(test)]
mod reference;

/// A chapter of the manual.
#[derive(Debug)]
pub struct Chapter {
    pub name: &'static str,
    /// Markdown; the first line is the title, the first paragraph says what it is about.
    pub text: &'static str,
}

macro_rules! chapters {
    ($($name:literal),* $(,)?) => {
        &[$(Chapter { name: $name, text: include_str!(concat!($name, ".md")) }),*]
    };
}

/// The chapters, in the order in which a newcomer reads them.
pub const CHAPTERS: &[Chapter] = chapters![
    "start",
    "sources",
    "deliveries",
    "models",
    "identity",
    "mining",
    "value",
    "metrics",
    "audiences",
    "running",
    "erasure",
    "bi",
    "reference",
    "architecture",
];

impl Chapter {
    /// Returns what the chapter is about, in one line.
    pub fn summary(&self) -> &'static str {
        self.text.lines().skip(1).find(|line| !line.is_empty()).unwrap_or_default()
    }
}

impl Chapter {
    /// Returns the headings of its sections.
    pub fn headings(&self) -> impl Iterator<Item = &'static str> {
        self.text.lines().filter_map(|line| line.strip_prefix("## "))
    }

    /// Returns the text of the section whose heading begins so, in whatever case.
    pub fn section(&self, beginning: &str) -> Option<&'static str> {
        let begins = |heading: &&str| heading.to_lowercase().starts_with(&beginning.to_lowercase());
        let heading = self.headings().find(begins)?;
        let start = self.text.find(&format!("\n## {heading}\n"))? + 1;
        let end = self.text[start..].find("\n## ").map_or(self.text.len(), |end| start + end + 1);
        Some(&self.text[start..end])
    }
}

/// Returns the chapter of this name.
pub fn chapter(name: &str) -> Option<&'static Chapter> {
    CHAPTERS.iter().find(|chapter| chapter.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_beside_this_one_is_a_chapter_with_a_title_and_a_summary() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manual");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".md")?.to_owned()))
            .collect();
        files.sort();
        let mut names: Vec<&str> = CHAPTERS.iter().map(|chapter| chapter.name).collect();
        names.sort_unstable();
        assert_eq!(files, names);
        for chapter in CHAPTERS {
            assert!(chapter.text.starts_with("# "), "{}", chapter.name);
            assert!(chapter.summary().ends_with('.'), "{}: {}", chapter.name, chapter.summary());
        }
    }
}
