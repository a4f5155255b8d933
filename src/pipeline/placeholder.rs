//! `${NAME}` in paths of the pipeline file: from the environment, or from the command that runs it.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::secret::hide;

/// Values that a command sets for the pipeline it runs; they win over the environment.
#[derive(Debug, Clone, Default)]
pub struct Placeholders {
    given: BTreeMap<String, String>,
    keep_unset: bool,
}

impl Placeholders {
    /// These values before the environment's.
    pub fn given(values: impl Into<BTreeMap<String, String>>) -> Self {
        Placeholders { given: values.into(), keep_unset: false }
    }

    /// A placeholder that nothing sets stays as it is written: for work that reads no source.
    pub fn kept_when_unset() -> Self {
        Placeholders { given: BTreeMap::new(), keep_unset: true }
    }

    /// The text with every `${NAME}` replaced.
    ///
    /// # Errors
    /// A `${` without its `}`; a name that is not set, unless such names are kept.
    pub fn expand(&self, text: &str) -> Result<String> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            expanded.push_str(&rest[..start]);
            let Some(end) = rest[start..].find('}') else {
                return Err(Error::config(format!("`{text}` has a `${{` without its `}}`")));
            };
            let name = &rest[start + 2..start + end];
            let from_environment = || std::env::var(name).ok().inspect(|value| hide(name, value));
            let value = self.given.get(name).cloned().or_else(from_environment);
            match value {
                Some(value) => expanded.push_str(&value),
                None if self.keep_unset => expanded.push_str(&rest[start..=start + end]),
                None => {
                    return Err(Error::config(format!("`{text}` needs {name}, which is not set"))
                        .hint(format!("set it in the environment: {name}=… sillage …")));
                }
            }
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
        let set = Placeholders::given([("DATA".to_owned(), "/d".to_owned())]);
        assert_eq!(set.expand("${DATA}/a/${DATA}").unwrap(), "/d/a//d");
        assert_eq!(set.expand("plain $ {x}").unwrap(), "plain $ {x}");
        assert!(set.expand("${SILLAGE_UNSET_IN_TESTS}").unwrap_err().to_string().contains("not set"));
        assert!(set.expand("${DATA").is_err());
        assert!(set.expand("${}${A=B}").is_err());
    }

    #[test]
    fn where_no_source_is_read_it_may_stay() {
        let kept = Placeholders::kept_when_unset();
        assert_eq!(kept.expand("${SILLAGE_UNSET_IN_TESTS}/a").unwrap(), "${SILLAGE_UNSET_IN_TESTS}/a");
    }
}
