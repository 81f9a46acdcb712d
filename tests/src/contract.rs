//! Compares every request and response of the tests with docs/openapi.yaml.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use jsonschema::Validator;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use crate::Answer;

const DOCUMENT: &str = include_str!("../../docs/openapi.yaml");

/// Characters of paths and media types that the fragment of a URI must not contain (RFC 3986, section 3.5).
const NOT_IN_FRAGMENTS: &AsciiSet = &CONTROLS.add(b' ').add(b'{').add(b'}').add(b'%');

/// Requires that the contract allows a response to this method and path: its status, headers, media type and body. For
/// an operation that is not in the contract, the response must be a problem. Only a request that `is_partial`, because its
/// query has `fields`, may have a response with parts of images.
///
/// # Errors
/// If the contract does not allow it.
pub(crate) fn check_answer(method: &str, path: &str, is_partial: bool, answer: &Answer) -> Result<()> {
    let contract = if is_partial { Contract::with_parts()? } else { Contract::get()? };
    let Some(operation) = contract.operation(method, path) else {
        return check_refusal(method, path, answer);
    };
    let response = format!("{operation}/responses/{}", answer.status.as_u16());
    contract.check_response(&response, &answer.headers, &answer.bytes).with_context(|| {
        format!("{method} {path} returns a response that docs/openapi.yaml does not allow: {}", answer.text())
    })
}

/// Requires that the contract allows the body of an accepted request.
///
/// # Errors
/// If the contract does not allow it.
pub(crate) fn check_accepted(method: &str, path: &str, body: &[u8]) -> Result<()> {
    let contract = Contract::get()?;
    let Some(operation) = contract.operation(method, path) else { return Ok(()) };
    let schema = format!("{operation}/requestBody/content/{}/schema", escape("application/json"));
    if body.is_empty() || contract.at(&schema).is_none() {
        return Ok(());
    }
    contract.check(&schema, &serde_json::from_slice(body)?).with_context(|| {
        format!(
            "{method} {path} accepts a body that docs/openapi.yaml does not allow: {}",
            String::from_utf8_lossy(body)
        )
    })
}

/// Method and path of every operation in docs/openapi.yaml that reads a body. The ids in the paths are valid, but
/// nothing has them.
///
/// # Errors
/// If docs/openapi.yaml is broken.
pub fn operations_with_a_body() -> Result<Vec<(Method, String)>> {
    let contract = Contract::get()?;
    let mut operations = Vec::new();
    for (path, item) in contract.members("/paths") {
        for (method, operation) in item.as_object().context("no operations")? {
            if operation.get("requestBody").is_some() {
                operations.push((method.to_uppercase().parse()?, example(&path)));
            }
        }
    }
    Ok(operations)
}

/// A path of the contract with valid values for its parameters.
fn example(path: &str) -> String {
    let id = match path {
        _ if path.contains("/users/") => "00000000-0000-4000-8000-000000000000",
        _ if path.contains("/account-tiers/") => "sample",
        _ if path.contains("/upload-links/") => {
            "01JZ0000000000000000000000-00000000-0000-4000-8000-000000000000"
        }
        _ => "01JZ0000000000000000000000",
    };
    path.replace("{phone_number}", "+4915123456789").replace("{id}", id).replace("{slot}", "image1")
}

fn check_refusal(method: &str, path: &str, answer: &Answer) -> Result<()> {
    let problem = answer.clone().problem(404, "not-found");
    let problem = problem.or_else(|_| answer.clone().problem(405, "method-not-allowed"));
    let problem = problem.with_context(|| format!("{method} {path} is not in docs/openapi.yaml"))?;
    Contract::get()?.check("/components/schemas/Problem", &problem)
}

struct Contract {
    document: Value,
    /// By the JSON pointers of their schemas. Each is compiled at its first use.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    /// The contract of requests whose responses contain whole images. Nothing matches a schema whose name begins with
    /// `Partial`.
    fn get() -> Result<&'static Self> {
        static CONTRACT: OnceLock<Result<Contract, String>> = OnceLock::new();
        let read = || {
            let mut contract = Self::read()?;
            let schemas = contract.document["components"]["schemas"].as_object_mut();
            let schemas = schemas.ok_or("docs/openapi.yaml has no schemas")?.iter_mut();
            schemas
                .filter(|(name, _)| name.starts_with("Partial"))
                .for_each(|(_, schema)| *schema = json!(false));
            Ok(contract)
        };
        CONTRACT.get_or_init(read).as_ref().map_err(|error| anyhow!("{error}"))
    }

    /// The contract as it is.
    fn with_parts() -> Result<&'static Self> {
        static CONTRACT: OnceLock<Result<Contract, String>> = OnceLock::new();
        CONTRACT.get_or_init(Self::read).as_ref().map_err(|error| anyhow!("{error}"))
    }

    fn read() -> Result<Self, String> {
        match serde_yaml_ng::from_str(DOCUMENT) {
            Ok(document) => Ok(Self { document, validators: Mutex::default() }),
            Err(error) => Err(format!("docs/openapi.yaml: {error}")),
        }
    }

    /// The JSON pointer of an operation.
    fn operation(&self, method: &str, path: &str) -> Option<String> {
        let paths = self.document["paths"].as_object()?;
        // The template with the fewest parameters wins.
        let templates = paths.keys().filter(|template| matches(template, path));
        let template = templates.min_by_key(|template| template.matches('{').count())?;
        let place = format!("/paths/{}/{}", escape(template), method.to_lowercase());
        self.at(&place).map(|_| place)
    }

    fn check_response(&self, place: &str, headers: &HeaderMap, bytes: &[u8]) -> Result<()> {
        let place = self.resolved(place).context("no such status")?;
        for (name, header) in self.members(&format!("{place}/headers")) {
            let header_place = self.resolved(&format!("{place}/headers/{name}")).context("no such header")?;
            match headers.get(&name).map(|value| value.to_str()).transpose()? {
                Some(text) => self.check(&format!("{header_place}/schema"), &json!(text)).context(name)?,
                None => ensure!(
                    self.document.pointer(&header_place).is_none_or(|header| header["required"] != true),
                    "no header {name}: {header}"
                ),
            }
        }
        let types = self.members(&format!("{place}/content"));
        let media_type =
            headers.get("content-type").map(|value| value.to_str()).transpose()?.unwrap_or_default();
        if types.is_empty() {
            ensure!(bytes.is_empty(), "a body where there should be none");
            return Ok(());
        }
        ensure!(types.iter().any(|(name, _)| name == media_type), "the media type {media_type:?}");
        let schema = format!("{place}/content/{}/schema", escape(media_type));
        let body = if media_type.ends_with("json") {
            serde_json::from_slice(bytes).context("a body that is not JSON")?
        } else {
            json!(String::from_utf8_lossy(bytes))
        };
        self.check(&schema, &body)
    }

    fn check(&self, schema: &str, value: &Value) -> Result<()> {
        let validator = self.validator(schema)?;
        let errors: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        if !errors.is_empty() {
            bail!("{}", errors.join("\n"));
        }
        Ok(())
    }

    fn validator(&self, schema: &str) -> Result<Arc<Validator>> {
        // A test that panicked left the map in a valid state.
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = validators.get(schema) {
            return Ok(validator.clone());
        }
        // The whole document, because the schema may refer to any part of it.
        let mut root = self.document.clone();
        root["$ref"] = json!(format!("#{}", utf8_percent_encode(schema, NOT_IN_FRAGMENTS)));
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
        let validator =
            options.should_validate_formats(true).should_ignore_unknown_formats(true).build(&root);
        let validator = Arc::new(validator.map_err(|error| anyhow!("the schema at {schema}: {error}"))?);
        validators.insert(schema.to_owned(), validator.clone());
        Ok(validator)
    }

    /// The JSON pointer of a value, or the target of its `$ref`.
    fn resolved(&self, place: &str) -> Option<String> {
        let value = self.at(place)?;
        let reference = value.get("$ref").and_then(Value::as_str);
        Some(
            reference
                .map_or_else(|| place.to_owned(), |reference| reference.trim_start_matches('#').to_owned()),
        )
    }

    fn members(&self, place: &str) -> Vec<(String, Value)> {
        let members = self.at(place).and_then(Value::as_object).into_iter().flatten();
        members.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn at(&self, place: &str) -> Option<&Value> {
        self.document.pointer(place)
    }
}

/// Escapes a name for a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn matches(template: &str, path: &str) -> bool {
    let (wanted, found): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let fits =
        |(wanted, found): (&&str, &&str)| wanted == found || (wanted.starts_with('{') && !found.is_empty());
    wanted.len() == found.len() && wanted.iter().zip(&found).all(fits)
}
