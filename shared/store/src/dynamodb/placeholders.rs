//! Placeholders for the names and values in the expressions of one request.

use std::collections::HashMap;

use aws::CallError;
use aws_sdk_dynamodb::types::AttributeValue;

use super::keys::Item;

/// Attribute names by their placeholders.
pub(crate) type Names = HashMap<String, String>;

/// The placeholders that the expressions of one request use. DynamoDB refuses a placeholder that is used but not
/// defined, or defined but not used. Therefore only the code that renders an expression adds one.
#[derive(Debug, Default)]
pub(crate) struct Placeholders {
    names: Names,
    values: Item,
    invalid: Option<String>,
}

impl Placeholders {
    /// The text for a path such as `picture.version`: `#picture.#version`.
    pub(crate) fn path(&mut self, path: &str) -> String {
        let names = path.split('.').map(|name| {
            let is_valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_valid) {
                self.invalid = Some(path.to_owned());
            }
            let placeholder = format!("#{name}");
            self.names.insert(placeholder.clone(), name.to_owned());
            placeholder
        });
        names.collect::<Vec<_>>().join(".")
    }

    /// The text for a value: `:v0`, `:v1` and so on.
    pub(crate) fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// The names and values. Each is `None` if it is empty, because DynamoDB refuses empty maps.
    ///
    /// # Errors
    /// [`CallError::Internal`] if a path has an empty name or a name with characters other than letters, digits and `_`.
    pub(crate) fn into_maps(self) -> Result<(Option<Names>, Option<Item>), CallError> {
        if let Some(path) = self.invalid {
            return Err(CallError::internal(format!("`{path}` is not a path of attribute names")));
        }
        let names = Some(self.names).filter(|names| !names.is_empty());
        Ok((names, Some(self.values).filter(|values| !values.is_empty())))
    }
}
