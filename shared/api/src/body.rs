//! JSON bodies.

use std::{fmt, marker::PhantomData};

use lambda_http::{Request, http::header};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::error::Category;

use crate::{Problem, ProblemCode};

/// No endpoint needs a larger body.
const MAX_BYTES: usize = 64 * 1024;

/// Parses the request's JSON body.
///
/// # Errors
/// 415 `unsupported-media-type`, 413 `body-too-large`, 400 `invalid-json`, or 400 `invalid-field` naming
/// the field.
pub fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    if !is_json(request) {
        return Err(Problem::new(
            ProblemCode::UnsupportedMediaType,
            "Send JSON, with the header content-type: application/json.",
        ));
    }
    let bytes: &[u8] = request.body();
    if bytes.len() > MAX_BYTES {
        return Err(Problem::new(
            ProblemCode::BodyTooLarge,
            format!("The body may have at most {MAX_BYTES} bytes."),
        ));
    }
    parse(bytes)
}

/// For `deserialize_with`, in a field of type `Option<Option<T>>` with a default. It distinguishes null, which removes
/// the value, from a missing field.
///
/// # Errors
/// If the value has another type.
pub fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(json: D) -> Result<Option<T>, D::Error> {
    T::deserialize(json).map(Some)
}

/// A struct that is parsed only from a JSON object. serde also accepts an array of the fields' values.
#[derive(Clone, Copy, Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

fn is_json(request: &Request) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        match error.classify() {
            Category::Data => invalid_field(&path, &error.to_string()),
            // A number in place of an enum. serde_json reports it as a syntax error.
            _ if serde_json::from_slice::<IgnoredAny>(bytes).is_ok() => {
                invalid_field(&path, "a value of another type is expected")
            }
            _ => invalid_json(&error),
        }
    })?;
    json.end().map_err(|error| invalid_json(&error))?;
    Ok(value)
}

fn invalid_json(error: &serde_json::Error) -> Problem {
    Problem::new(ProblemCode::InvalidJson, format!("The body is not JSON: {error}."))
}

/// serde reports the path of an invalid value. It names a missing field only in the message.
fn invalid_field(path: &str, message: &str) -> Problem {
    const MAX_CHARACTERS: usize = 300;
    let message = message.split(" at line ").next().unwrap_or(message);
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let field = match missing {
        Some(name) => name,
        // The whole body, or a field with an empty name.
        None if path == "." || path.is_empty() => "body",
        None => path,
    };
    let detail: String = format!("{field}: {message}").chars().take(MAX_CHARACTERS).collect();
    Problem::invalid_field(field, detail)
}

#[cfg(test)]
mod tests {
    use domain::{ContentType, FileName, UploadSize};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        #[serde(rename = "file_name")]
        _file_name: FileName,
        #[serde(rename = "size")]
        _size: UploadSize,
        #[serde(rename = "content_type")]
        _content_type: Option<ContentType>,
    }

    fn refusal(text: &str) -> serde_json::Value {
        parse::<Fields>(text.as_bytes()).unwrap_err().to_json()
    }

    #[test]
    fn a_refused_body_names_the_field() {
        for (text, field) in [
            (r#"{"file_name":"a"}"#, "size"),
            (r#"{"file_name":"a","size":0}"#, "size"),
            (r#"{"file_name":"a","size":"1"}"#, "size"),
            (r#"{"file_name":"a\u0000b","size":1}"#, "file_name"),
            (r#"{"file_name":"a","size":1,"is_admin":true}"#, "is_admin"),
            (r#"{"file_name":"a","size":1,"content_type":7}"#, "content_type"),
            (r#"{"file_name":"a","size":1,"content_type":"image/svg+xml"}"#, "content_type"),
            (r#"{"":1}"#, "body"),
            ("[]", "body"),
            (r#"["a",1]"#, "body"),
        ] {
            let problem = refusal(text);
            assert_eq!(
                (&problem["code"], &problem["field"]),
                (&"invalid-field".into(), &field.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_json_is_refused_without_a_panic() {
        let nested = "[".repeat(60_000);
        for text in ["", "{", "file_name=a", "{} {}", nested.as_str()] {
            let code = refusal(text)["code"].clone();
            assert!(code == "invalid-json" || code == "invalid-field", "{code}");
        }
        assert_eq!(refusal(r#"{"file_name":"a","size":1} x"#)["code"], "invalid-json");
    }
}
