//! The contract as one HTML page without scripts. Every operation and every schema has an anchor.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

use crate::html::{
    breakable, entries, escape, id_of, inline, items, plain, prose, slug, table, tag_of, text,
};

/// Renders the page.
pub(crate) fn render(contract: &Value, style: &str) -> Result<String> {
    let page = Page { contract };
    let title = escape(text(&contract["info"]["title"]));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}: the API</title>\n<style>{style}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#content\">Skip to the content</a>\n"
    );
    page.navigation(&mut out)?;
    write!(
        out,
        "<main id=\"content\">\n<header>\n<h1>{title}</h1>\n{}<p>For programs: <a href=\"openapi.json\">openapi.json</a>, OpenAPI {}.</p>\n</header>\n",
        prose(text(&contract["info"]["description"])),
        escape(text(&contract["openapi"])),
    )?;
    for tag in items(&contract["tags"]) {
        let name = text(&tag["name"]);
        write!(
            out,
            "<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n",
            slug(name),
            escape(name)
        )?;
        out += &prose(text(&tag["description"]));
        for (path, item) in entries(&contract["paths"]) {
            for (method, operation) in operations(item).filter(|(_, operation)| tag_of(operation) == name) {
                page.operation(&mut out, path, &method, item, operation)?;
            }
        }
        out += "</section>\n";
    }
    page.schemas(&mut out)?;
    out += "</main>\n</body>\n</html>\n";
    Ok(out)
}

/// The operations of a path, each with its method in upper case.
pub(crate) fn operations(item: &Value) -> impl Iterator<Item = (String, &Value)> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    METHODS.into_iter().filter_map(|method| Some((method.to_uppercase(), item.get(method)?)))
}

struct Page<'a> {
    contract: &'a Value,
}

impl<'a> Page<'a> {
    fn navigation(&self, out: &mut String) -> Result<()> {
        *out += "<nav aria-label=\"Operations\">\n<details open>\n<summary>Operations</summary>\n";
        for tag in items(&self.contract["tags"]) {
            let name = text(&tag["name"]);
            write!(out, "<p><a href=\"#{}\">{}</a></p>\n<ul>\n", slug(name), escape(name))?;
            for (_, item) in entries(&self.contract["paths"]) {
                for (method, operation) in operations(item).filter(|(_, operation)| tag_of(operation) == name)
                {
                    writeln!(
                        out,
                        "<li><a href=\"#{}\"><span class=\"method {}\">{method}</span> {}</a></li>",
                        id_of(operation)?,
                        method.to_lowercase(),
                        escape(text(&operation["summary"])),
                    )?;
                }
            }
            *out += "</ul>\n";
        }
        *out += "<p><a href=\"#schemas\">Schemas</a></p>\n</details>\n</nav>\n";
        Ok(())
    }

    fn operation(
        &self,
        out: &mut String,
        path: &str,
        method: &str,
        item: &Value,
        operation: &Value,
    ) -> Result<()> {
        let id = id_of(operation)?;
        write!(
            out,
            "<article aria-labelledby=\"{id}\">\n<h3 id=\"{id}\">{}</h3>\n\
             <p class=\"route\"><span class=\"method {}\">{method}</span> <code>{}</code></p>\n{}",
            escape(text(&operation["summary"])),
            method.to_lowercase(),
            breakable(path),
            prose(text(&operation["description"])),
        )?;
        if operation["security"].as_sequence().is_some_and(Vec::is_empty) {
            *out += "<p class=\"note\">Public: no token is needed.</p>\n";
        }
        self.parameters(out, items(&item["parameters"]).chain(items(&operation["parameters"])))?;
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            *out += "<h4>Body</h4>\n";
            self.members(out, self.resolve(body)?)?;
            self.example(out, "Example of the body", body)?;
        }
        *out += "<h4>Answers</h4>\n<dl class=\"answers\">\n";
        for (status, response) in entries(&operation["responses"]) {
            self.answer(out, status, self.resolve(response)?)?;
        }
        *out += "</dl>\n</article>\n";
        Ok(())
    }

    fn parameters(&self, out: &mut String, parameters: impl Iterator<Item = &'a Value>) -> Result<()> {
        let mut rows = String::new();
        for parameter in parameters {
            let parameter = self.resolve(parameter)?;
            let name =
                format!("{} <small>{}</small>", escape(text(&parameter["name"])), text(&parameter["in"]));
            let is_required = parameter["required"].as_bool().unwrap_or_default();
            self.row(&mut rows, &name, is_required, &parameter["schema"], text(&parameter["description"]))?;
        }
        if !rows.is_empty() {
            *out += "<h4>Parameters</h4>\n";
            table(out, &rows);
        }
        Ok(())
    }

    fn answer(&self, out: &mut String, status: &str, response: &Value) -> Result<()> {
        let class = if status.starts_with(['2', '3']) { "good" } else { "bad" };
        write!(
            out,
            "<dt><span class=\"status {class}\">{status}</span></dt>\n<dd>{}",
            prose(text(&response["description"]))
        )?;
        for (name, header) in entries(&response["headers"]) {
            let header = self.resolve(header)?;
            let description = inline(text(&header["description"]));
            writeln!(out, "<p>Header <code>{}</code>: {description}</p>", escape(name))?;
        }
        for (media_type, content) in entries(&response["content"]) {
            let schema = &content["schema"];
            if class == "good" && media_type == "application/json" && schema["type"] != "object" {
                writeln!(out, "<p>{}</p>", self.kind(schema)?)?;
                self.example(out, "Example of the answer", schema)?;
            } else if class == "good" {
                writeln!(out, "<p><code>{}</code></p>", escape(media_type))?;
            }
        }
        *out += "</dd>\n";
        Ok(())
    }

    fn schemas(&self, out: &mut String) -> Result<()> {
        *out += "<section aria-labelledby=\"schemas\">\n<h2 id=\"schemas\">Schemas</h2>\n";
        for (name, schema) in entries(&self.contract["components"]["schemas"]) {
            if !self.has_members(schema)? {
                continue;
            }
            let name = escape(name);
            write!(
                out,
                "<article aria-labelledby=\"schema-{name}\">\n<h3 id=\"schema-{name}\">{name}</h3>\n{}",
                prose(text(&schema["description"]))
            )?;
            self.members(out, schema)?;
            *out += "</article>\n";
        }
        *out += "</section>\n";
        Ok(())
    }

    /// The members of an object as a table, including those from `allOf`.
    fn members(&self, out: &mut String, schema: &Value) -> Result<()> {
        let mut rows = String::new();
        self.member_rows(&mut rows, schema)?;
        table(out, &rows);
        Ok(())
    }

    fn member_rows(&self, rows: &mut String, schema: &Value) -> Result<()> {
        for part in items(&schema["allOf"]) {
            self.member_rows(rows, self.resolve(part)?)?;
        }
        for (name, member) in entries(&schema["properties"]) {
            let is_required = items(&schema["required"]).any(|required| required == name);
            let description = match text(&member["description"]) {
                "" => text(&self.resolve(member)?["description"]),
                description => description,
            };
            self.row(rows, &escape(name), is_required, member, description)?;
        }
        Ok(())
    }

    fn row(
        &self,
        rows: &mut String,
        name: &str,
        is_required: bool,
        schema: &Value,
        description: &str,
    ) -> Result<()> {
        let mark = if is_required { "" } else { "<small>optional</small>" };
        writeln!(
            rows,
            "<tr><th scope=\"row\"><code>{name}</code> {mark}</th><td>{}</td><td>{}{}</td></tr>",
            self.kind(schema)?,
            inline(description),
            self.bounds(schema)?,
        )?;
        Ok(())
    }

    /// The type of a schema, with links to the schemas of objects.
    fn kind(&self, schema: &Value) -> Result<String> {
        if let Some(reference) = schema.get("$ref") {
            let name = text(reference).rsplit('/').next().unwrap_or_default();
            let target = self.resolve(schema)?;
            if self.has_members(target)? {
                return Ok(format!("<a href=\"#schema-{0}\">{0}</a>", escape(name)));
            }
            return self.kind(target);
        }
        for (keyword, word) in [("oneOf", " or "), ("anyOf", " or ")] {
            // If the schema also has a type, the alternatives only list combinations of members.
            if let (Some(alternatives), None) = (schema[keyword].as_sequence(), schema.get("type")) {
                let kinds: Vec<String> =
                    alternatives.iter().map(|one| self.kind(one)).collect::<Result<_>>()?;
                return Ok(kinds.join(word));
            }
        }
        if schema.get("items").is_some() {
            return Ok(format!("list of {}", self.kind(&schema["items"])?));
        }
        Ok(match &schema["type"] {
            Value::Sequence(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
            one => escape(text(one)),
        })
    }

    /// The constraints of a value, in words.
    fn bounds(&self, schema: &Value) -> Result<String> {
        let schema = self.resolve(schema)?;
        let mut bounds = Vec::new();
        for (least, most, unit) in [
            ("minLength", "maxLength", " characters"),
            ("minItems", "maxItems", " items"),
            ("minimum", "maximum", ""),
        ] {
            match (schema[least].as_u64(), schema[most].as_u64()) {
                (Some(least), Some(most)) if least == most => bounds.push(format!("exactly {least}{unit}")),
                (Some(least), Some(most)) => bounds.push(format!("{least} to {most}{unit}")),
                (Some(least), None) => bounds.push(format!("at least {least}{unit}")),
                (None, Some(most)) => bounds.push(format!("at most {most}{unit}")),
                (None, None) => {}
            }
        }
        let list = |values: &Value| {
            items(values)
                .map(|value| format!("<code>{}</code>", escape(&plain(value))))
                .collect::<Vec<_>>()
                .join(", ")
        };
        if schema.get("enum").is_some() {
            bounds.push(format!("one of {}", list(&schema["enum"])));
        }
        if let Some(value) = schema.get("const") {
            bounds.push(format!("always <code>{}</code>", escape(&plain(value))));
        }
        if let Some(value) = schema.get("default") {
            bounds.push(format!("by default <code>{}</code>", escape(&plain(value))));
        }
        if let Some(value) = schema["examples"].get(0).filter(|value| !value.is_null()) {
            bounds.push(format!("such as <code>{}</code>", escape(&plain(value))));
        }
        Ok(if bounds.is_empty() { String::new() } else { format!(" <small>{}</small>", bounds.join("; ")) })
    }

    fn example(&self, out: &mut String, title: &str, schema: &Value) -> Result<()> {
        let example = serde_json::to_string_pretty(&self.value(schema)?)?;
        write!(
            out,
            "<details>\n<summary>{title}</summary>\n<pre tabindex=\"0\"><code>{}</code></pre>\n</details>\n",
            escape(&example)
        )?;
        Ok(())
    }

    /// A valid value of a schema, built from its examples.
    fn value(&self, schema: &Value) -> Result<Value> {
        let schema = self.resolve(schema)?;
        let first = |keyword: &str| schema[keyword].get(0);
        if let Some(value) = first("examples").or(schema.get("const")).or(first("enum")) {
            return Ok(value.clone());
        }
        if let Some(one) = first("oneOf").or(first("anyOf")).filter(|_| schema.get("type").is_none()) {
            return self.value(one);
        }
        if let Some(element) = schema.get("items") {
            return Ok(Value::Sequence(vec![self.value(element)?]));
        }
        let mut members = serde_yaml_ng::Mapping::new();
        for part in items(&schema["allOf"]) {
            members.extend(self.value(part)?.as_mapping().cloned().unwrap_or_default());
        }
        for (name, member) in entries(&schema["properties"]) {
            members.insert(name.into(), self.value(member)?);
        }
        Ok(if schema["type"] == "null" { Value::Null } else { Value::Mapping(members) })
    }

    fn has_members(&self, schema: &Value) -> Result<bool> {
        let schema = self.resolve(schema)?;
        Ok(schema.get("properties").is_some() || schema.get("allOf").is_some())
    }

    /// What a `$ref` names, or the value itself.
    fn resolve(&self, value: &'a Value) -> Result<&'a Value> {
        let Some(reference) = value.get("$ref") else { return Ok(value) };
        let path = text(reference).strip_prefix("#/").with_context(|| format!("{reference:?}"))?;
        let found = path.split('/').try_fold(self.contract, |value, name| value.get(name));
        self.resolve(found.with_context(|| format!("there is no {path}"))?)
    }
}
