//! Texts as numbers: the different values of a column of text, numbered in their alphabetical order.

use std::collections::HashMap;

use crate::error::{Error, Result};

/// More different texts than any column of categories has: it holds names or numbers of something.
pub const MOST_TEXTS: usize = 1000;

/// The different texts of one column, numbered as they come.
#[derive(Debug, Default)]
pub struct Texts {
    numbers: HashMap<String, usize>,
    texts: Vec<String>,
}

impl Texts {
    /// Returns the number of a text.
    ///
    /// # Errors
    /// One text more than a column of categories may have; none of them is shown, since they may be a person's.
    pub fn number(&mut self, column: &str, text: &str) -> Result<usize> {
        if let Some(number) = self.numbers.get(text) {
            return Ok(*number);
        }
        let number = self.texts.len();
        if number == MOST_TEXTS {
            return Err(Error::failed(format!(
                "the feature `{column}` is text with more than {MOST_TEXTS} different values: nothing is learnt from \
                 ids, names or addresses"
            ))
            .hint("put them into groups in the features' SQL, or take the column out of `columns`"));
        }
        self.numbers.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        Ok(number)
    }

    /// Returns the texts that are used in alphabetical order, and the place of each number among them.
    pub fn sorted(self, used: impl Iterator<Item = usize>) -> (Vec<String>, Vec<usize>) {
        let mut is_used = vec![false; self.texts.len()];
        used.for_each(|number| is_used[number] = true);
        let mut order: Vec<usize> = (0..self.texts.len()).filter(|number| is_used[*number]).collect();
        order.sort_by(|&a, &b| self.texts[a].cmp(&self.texts[b]));
        let mut places = vec![0; self.texts.len()];
        order.iter().enumerate().for_each(|(place, &number)| places[number] = place);
        (order.into_iter().map(|number| self.texts[number].clone()).collect(), places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_follow_the_alphabet_whatever_came_first() {
        let mut texts = Texts::default();
        for text in ["web", "shop", "web", "phone"] {
            texts.number("channel", text).unwrap();
        }
        // Nobody who is kept has "shop".
        assert_eq!(texts.sorted([0, 2].into_iter()), (vec!["phone".into(), "web".into()], vec![1, 0, 0]));
    }

    #[test]
    fn ids_are_refused_without_being_shown() {
        let mut texts = Texts::default();
        let error =
            (0..=MOST_TEXTS).find_map(|n| texts.number("email", &format!("person{n}")).err()).unwrap();
        let message = error.to_string();
        assert!(message.contains("`email` is text with more than 1000") && !message.contains("person"));
    }
}
