//! The formats of Dropbox's API: how requests are encoded, and what answers mean.

use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{ProviderError, error::loggable_code, response::Response};

/// Checks that the file in Dropbox has the expected length.
pub(super) fn check_size(length: u64, answer: &Response) -> Result<(), ProviderError> {
    #[derive(Deserialize)]
    struct File {
        size: u64,
    }
    let is_whole = read::<File>(answer)?.size == length;
    is_whole
        .then_some(())
        .ok_or_else(|| ProviderError::invalid_answer("the file in Dropbox has another length"))
}

/// Parses an answer.
pub(super) fn read<T: DeserializeOwned>(answer: &Response) -> Result<T, ProviderError> {
    serde_json::from_slice(&answer.body)
        .map_err(|_| ProviderError::invalid_answer("the answer has an unknown form"))
}

/// Encodes JSON for an HTTP header. Characters other than printable ASCII are escaped (Dropbox HTTP documentation,
/// "Content-upload endpoints").
pub(super) fn header_safe(argument: &Value) -> String {
    let mut safe = String::new();
    for c in argument.to_string().chars() {
        if c.is_ascii() && !c.is_ascii_control() {
            safe.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    safe
}

/// The SHA-256 digest of the SHA-256 digests of all 4 MiB blocks, in hexadecimal (Dropbox reference, "Content hash").
pub(super) fn content_hash(bytes: &[u8]) -> String {
    const BLOCK: usize = 4 << 20;
    let mut whole = Sha256::new();
    for block in bytes.chunks(BLOCK) {
        whole.update(Sha256::digest(block));
    }
    whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Changes a shared link so that it returns the file instead of a page (Dropbox help, "Force a file or folder to
/// download").
pub(super) fn raw_link(url: &str) -> Result<String, ProviderError> {
    const MAX_BYTES: usize = 2048;
    let is_link = (url.starts_with("https://") || url.starts_with("http://")) && url.len() <= MAX_BYTES;
    if !is_link {
        return Err(ProviderError::invalid_answer("the shared link is not a URL"));
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let selects_form = |pair: &str| matches!(pair.split('=').next(), Some("dl" | "raw" | ""));
    let kept = query.split('&').filter(|pair| !selects_form(pair));
    Ok(format!("{address}?{}", kept.chain(["raw=1"]).collect::<Vec<_>>().join("&")))
}

/// The body of an error.
#[derive(Deserialize)]
struct ErrorBody {
    error_summary: String,
    error: Value,
}

fn error_body(answer: &Response) -> Option<ErrorBody> {
    serde_json::from_slice(&answer.body).ok()
}

/// Whether the answer is a 409 error whose summary starts with `reason`.
pub(super) fn is_conflict(answer: &Response, reason: &str) -> bool {
    answer.status == StatusCode::CONFLICT
        && error_body(answer).is_some_and(|body| body.error_summary.starts_with(reason))
}

/// Returns a successful answer unchanged, and converts any other to an error.
pub(super) fn check_status(answer: Response) -> Result<Response, ProviderError> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let body = error_body(&answer);
    let summary = loggable_code(body.as_ref().map(|body| body.error_summary.as_str()));
    let mentions = |reasons: &[&str]| reasons.iter().any(|reason| summary.contains(reason));
    if answer.status != StatusCode::CONFLICT || mentions(&["too_many_write_operations"]) {
        let mut error = ProviderError::from_status(&answer, &summary);
        let seconds = body.and_then(|body| body.error["retry_after"].as_u64());
        error.retry_after = error.retry_after.or(seconds.map(Duration::from_secs));
        return Err(error);
    }
    let cause = format!("409 {summary}");
    Err(if mentions(&["insufficient_space", "insufficient_quota", "upload_traffic_limit_reached"]) {
        ProviderError::out_of_storage(cause)
    } else if mentions(&["content_hash_mismatch", "lookup_failed", "incorrect_offset"]) {
        // Data was lost in transit. The next attempt starts from the beginning.
        ProviderError::unavailable(cause)
    } else {
        ProviderError::refused(cause)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn conflict(summary: &str) -> ProviderError {
        let body = json!({"error_summary": summary, "error": {".tag": "x"}}).to_string().into();
        check_status(Response { status: StatusCode::CONFLICT, headers: HeaderMap::new(), body }).unwrap_err()
    }

    #[test]
    fn any_file_name_can_be_encoded_in_a_header() {
        let argument = json!({"path": "/+49/ü 🎞️\u{7f}\".jpg"});
        let text = header_safe(&argument);
        assert_eq!(text, r#"{"path":"/+49/\u00fc \ud83c\udf9e\ufe0f\u007f\".jpg"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), argument);
        assert!(http::HeaderValue::from_str(&text).is_ok());
    }

    #[test]
    fn a_content_hash_is_that_of_the_blocks_digests() {
        // The hasher of Dropbox's Python SDK computed these for no bytes, and for 4 MiB and one byte of zeros.
        assert_eq!(content_hash(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let hash = content_hash(&vec![0; (4 << 20) + 1]);
        assert_eq!(hash, "14a4d47f23a30177885d9820122f17d2d3a55fe63f7f5c27b95f689e0b2accd6");
    }

    #[test]
    fn a_link_in_its_raw_form_keeps_its_key() {
        for (url, expected) in [
            (
                "https://www.dropbox.com/scl/fi/a/b.jpg?rlkey=k&dl=0",
                "https://www.dropbox.com/scl/fi/a/b.jpg?rlkey=k&raw=1",
            ),
            ("https://www.dropbox.com/s/a/b.jpg?dl=0", "https://www.dropbox.com/s/a/b.jpg?raw=1"),
            ("https://www.dropbox.com/s/a/b.jpg", "https://www.dropbox.com/s/a/b.jpg?raw=1"),
        ] {
            assert_eq!(raw_link(url).unwrap(), expected);
        }
        assert!(raw_link("javascript:alert(1)").is_err());
        assert!(raw_link(&format!("https://{}", "x".repeat(3000))).is_err());
    }

    #[test]
    fn errors_are_retryable_or_permanent() {
        for (summary, code, is_retryable) in [
            ("path/too_many_write_operations/..", "provider-busy", true),
            ("path/insufficient_space/.", "provider-full", true),
            ("content_hash_mismatch/", "provider-unavailable", true),
            ("lookup_failed/incorrect_offset/.", "provider-unavailable", true),
            ("path/conflict/file/..", "provider-refused", false),
            ("path/disallowed_name/.", "provider-refused", false),
        ] {
            let error = conflict(summary);
            assert_eq!((error.failure.code.as_str(), error.is_retryable), (code, is_retryable), "{summary}");
        }
    }

    #[test]
    fn retry_after_is_read_from_the_body_too() {
        let body = json!({
            "error_summary": "too_many_requests/", "error": {"reason": {".tag": "too_many_requests"}, "retry_after": 7},
        });
        let body = body.to_string().into();
        let answer = Response { status: StatusCode::TOO_MANY_REQUESTS, headers: HeaderMap::new(), body };
        let error = check_status(answer).unwrap_err();
        assert_eq!(
            (error.failure.code.as_str(), error.retry_after),
            ("provider-busy", Some(Duration::from_secs(7)))
        );
    }
}
