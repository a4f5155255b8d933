//! `${NAME}` in paths of the pipeline file: from the environment, or from the command that runs it.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Values that a command sets for the pipeline it runs; they win over the environment.
#[derive(Debug, Clone, Default)]
pub struct Placeholders(pub BTreeMap<String, String>);

impl Placeholders {
    /// The text with every `${NAME}` replaced.
    pub fn expand(&self, text: &str) -> Result<String> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            expanded.push_str(&rest[..start]);
            let Some(end) = rest[start..].find('}') else {
                return Err(Error::config(format!("`{text}` has a `${{` without its `}}`")));
            };
            let name = &rest[start + 2..start + end];
            let value = self.0.get(name).cloned().or_else(|| std::env::var(name).ok());
            expanded.push_str(&value.ok_or_else(|| {
                Error::config(format!("`{text}` needs {name}, which is not set"))
                    .hint(format!("set it in the environment: {name}=… sillage …"))
            })?);
            rest = &rest[start + end + 1..];
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_needs_its_value() {
        let set = Placeholders([("DATA".to_owned(), "/d".to_owned())].into());
        assert_eq!(set.expand("${DATA}/a/${DATA}").unwrap(), "/d/a//d");
        assert_eq!(set.expand("plain $ {x}").unwrap(), "plain $ {x}");
        assert!(set.expand("${SILLAGE_UNSET_IN_TESTS}").unwrap_err().to_string().contains("not set"));
        assert!(set.expand("${DATA").is_err());
    }
}
