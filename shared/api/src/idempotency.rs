//! The `Idempotency-Key` header.

use domain::UploadLinkId;
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
    read(request, Sha256::new())
}

/// The idempotency key of a guest's request. It differs from all keys of the link's owner and of other links.
///
/// # Errors
/// As [`idempotency_key`].
pub fn guest_idempotency_key(
    request: &Request,
    link: &UploadLinkId,
) -> Result<Option<IdempotencyKey>, Problem> {
    // A key contains no zero byte, so the owner cannot choose a key with the same digest.
    read(request, Sha256::new_with_prefix(link.to_string()).chain_update([0]))
}

/// The request's idempotency key, whose digest continues `digest`.
fn read(request: &Request, digest: Sha256) -> Result<Option<IdempotencyKey>, Problem> {
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
    let key = format!("{:x}", digest.chain_update(key).finalize());
    let body: &[u8] = request.body();
    let request = Sha256::new_with_prefix(request.uri().path()).chain_update([0]).chain_update(body);
    Ok(Some(IdempotencyKey { key, request: format!("{:x}", request.finalize()) }))
}
