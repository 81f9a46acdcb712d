//! Values in the formats of DynamoDB and of XML responses.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// Converts plain JSON to an attribute value of DynamoDB.
pub(crate) fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(flag) => json!({"BOOL": flag}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(values) => json!({"L": values.iter().map(attribute).collect::<Vec<_>>()}),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), attribute(value)));
            json!({"M": fields.collect::<Map<_, _>>()})
        }
    }
}

/// Converts an attribute value of DynamoDB to plain JSON.
pub(super) fn plain(attribute: &Value) -> Result<Value> {
    let (kind, value) = attribute.as_object().and_then(|fields| fields.iter().next()).context("no type")?;
    Ok(match (kind.as_str(), value) {
        ("NULL", _) => Value::Null,
        ("BOOL" | "S", value) => value.clone(),
        ("N", Value::String(number)) => serde_json::from_str(number)?,
        ("L", Value::Array(values)) => values.iter().map(plain).collect::<Result<_>>()?,
        ("M", Value::Object(fields)) => fields
            .iter()
            .map(|(name, value)| Ok((name.clone(), plain(value)?)))
            .collect::<Result<Map<_, _>>>()?
            .into(),
        _ => bail!("an attribute of type {kind}"),
    })
}

/// The texts of all elements with a name in an XML document. The texts must not contain entities.
pub(super) fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(&open)?;
        let (text, after) = behind.split_once(&close)?;
        rest = after;
        Some(text)
    })
}
