//! Code that the functions of API keys share.

use domain::{ApiKey, ApiKeyId, KeyName, Scopes, Timestamp};
use serde::Serialize;

/// A key in its owner's responses. It contains neither the key nor its digest.
#[derive(Debug, Serialize)]
pub struct KeyBody<'a> {
    id: ApiKeyId,
    name: &'a KeyName,
    scopes: &'a Scopes,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

impl<'a> From<&'a ApiKey> for KeyBody<'a> {
    fn from(key: &'a ApiKey) -> Self {
        let time = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        Self {
            id: key.id,
            name: &key.name,
            scopes: &key.scopes,
            created_at: key.created_at,
            expires_at: key.expires_at.map(time),
            last_used_at: key.last_used_at,
        }
    }
}
