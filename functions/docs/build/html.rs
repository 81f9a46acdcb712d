//! Helpers for HTML, and for reading the contract.

use anyhow::{Context, Result};
use serde_json::json;
use serde_yaml_ng::Value;

pub(crate) fn table(out: &mut String, rows: &str) {
    *out += "<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"Fields\"><table>\n<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Type</th><th scope=\"col\">Meaning</th></tr></thead>\n<tbody>\n";
    *out += rows;
    *out += "</tbody>\n</table></div>\n";
}

/// Paragraphs with `code` in them.
pub(crate) fn prose(markdown: &str) -> String {
    let paragraphs = markdown.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>\n", inline(paragraph))).collect()
}

/// Text with `code` in it.
pub(crate) fn inline(markdown: &str) -> String {
    let parts = markdown.split('`').enumerate();
    parts
        .map(|(index, part)| match index % 2 {
            0 => escape(part),
            _ => format!("<code>{}</code>", escape(part)),
        })
        .collect()
}

/// A path that may be broken behind its slashes.
pub(crate) fn breakable(path: &str) -> String {
    escape(path).replace('/', "/<wbr>")
}

pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => json!(other).to_string(),
    }
}

pub(crate) fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(crate) fn id_of(operation: &Value) -> Result<&str> {
    operation["operationId"].as_str().context("an operation without operationId")
}

pub(crate) fn tag_of(operation: &Value) -> &str {
    operation["tags"].get(0).map(text).unwrap_or_default()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_sequence().into_iter().flatten()
}

pub(crate) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_mapping().into_iter().flatten().map(|(name, value)| (text(name), value))
}
