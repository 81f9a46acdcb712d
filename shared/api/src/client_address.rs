//! The IP address of a client.

use std::env;

use lambda_http::http::HeaderMap;
use sha2::{Digest, Sha256};

/// The header of the requests that came through the edge. CloudFront sets it and replaces what a client sent
/// (`OriginCustomHeaders` in template.yaml).
const EDGE: &str = "x-darkroom-edge";
/// The addresses through which a request came. Each hop appends the address of its client.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Finds the address of a client that may have come through the edge.
#[derive(Default)]
pub(crate) struct ClientAddress {
    /// The hash of the value of [`EDGE`]. The comparison of hashes tells nothing about the value by its duration.
    edge: Option<[u8; 32]>,
}

impl ClientAddress {
    /// The edge of this deployment: the value is the id of the stack, which `CURSOR_KEY` contains too. Clients never see
    /// this id. Who knows it can call the API under any address, so only the limits for addresses depend on it.
    pub(crate) fn from_env() -> Self {
        env::var("CURSOR_KEY").map(|id| Self::new(&id)).unwrap_or_default()
    }

    pub(crate) fn new(edge: &str) -> Self {
        Self { edge: Some(Sha256::digest(edge).into()) }
    }

    /// The address of the client. `peer` is the address that API Gateway saw.
    ///
    /// Without the edge, this is `peer`: everybody can send `X-Forwarded-For`. Through the edge, `peer` belongs to
    /// CloudFront. CloudFront appends the client's address to the header ("Request and response behavior for custom
    /// origins", Amazon CloudFront Developer Guide), and API Gateway appends CloudFront's. So the client's address is the
    /// last one that is not `peer`, and what a client sent stands before it.
    pub(crate) fn of<'a>(&self, headers: &'a HeaderMap, peer: &'a str) -> &'a str {
        let value = headers.get(EDGE).map(|value| Sha256::digest(value.as_bytes()));
        let came_through_edge =
            self.edge.is_some_and(|edge| value.is_some_and(|value| value.as_slice() == edge));
        if !came_through_edge {
            return peer;
        }
        let values = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        let client = match hops.as_slice() {
            [.., client, last] if *last == peer => Some(client),
            [.., client] => Some(client),
            [] => None,
        };
        client.copied().filter(|client| !client.is_empty()).unwrap_or(peer)
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    const PEER: &str = "192.0.2.1";

    fn address(edge: &str, forwarded: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(EDGE, HeaderValue::from_str(edge).unwrap());
        headers.insert(FORWARDED_FOR, HeaderValue::from_static(forwarded));
        ClientAddress::new("stack-id").of(&headers, PEER).to_owned()
    }

    #[test]
    fn through_the_edge_the_address_is_the_one_that_cloudfront_saw() {
        for (forwarded, expected) in [
            ("203.0.113.7, 192.0.2.1", "203.0.113.7"),
            ("2001:db8::1, 192.0.2.1", "2001:db8::1"),
            // What the client itself sent.
            ("198.51.100.1, 203.0.113.7, 192.0.2.1", "203.0.113.7"),
            ("192.0.2.1, 203.0.113.7, 192.0.2.1", "203.0.113.7"),
            ("203.0.113.7", "203.0.113.7"),
            ("", PEER),
        ] {
            assert_eq!(address("stack-id", forwarded), expected, "{forwarded}");
        }
    }

    #[test]
    fn nobody_else_chooses_an_address() {
        for edge in ["", "stack-i", "another"] {
            assert_eq!(address(edge, "203.0.113.7, 192.0.2.1"), PEER, "{edge}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, HeaderValue::from_static("203.0.113.7, 192.0.2.1"));
        assert_eq!(ClientAddress::new("stack-id").of(&headers, PEER), PEER);
        assert_eq!(ClientAddress::default().of(&headers, PEER), PEER);
    }
}
