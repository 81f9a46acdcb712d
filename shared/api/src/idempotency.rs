//! The `Idempotency-Key` header.

use lambda_http::Request;
use sha2::{Digest, Sha256};
use store::IdempotencyKey;

use crate::Problem;

/// The request's idempotency key, if it has one.
///
/// A repeated request must have the same path and the same bytes in the body.
///
/// # Errors
/// 400 `invalid-field` if the key is not 1 to 255 visible ASCII characters.
pub fn idempotency_key(request: &Request) -> Result<Option<IdempotencyKey>, Problem> {
    const MAX_CHARACTERS: usize = 255;
    let Some(header) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = header.as_bytes();
    let fits = (1..=MAX_CHARACTERS).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    if !fits {
        return Err(Problem::invalid_field(
            "idempotency-key",
            format!("Idempotency-Key: 1 to {MAX_CHARACTERS} visible ASCII characters"),
        ));
    }
    let mut digest = Sha256::new_with_prefix(request.uri().path());
    digest.update([0]);
    let body: &[u8] = request.body();
    digest.update(body);
    let (key, request) = (format!("{:x}", Sha256::digest(key)), format!("{:x}", digest.finalize()));
    Ok(Some(IdempotencyKey { key, request }))
}
