//! Documents that are the same for all clients.

use api::{Problem, Reply, Request, StatusCode, accepts_encoding, etag_matches};
use lambda_http::{
    Body, Response,
    http::{HeaderName, HeaderValue, header},
};

/// A document and its headers.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    content_type: &'static str,
    /// A weak ETag, which the compressed and the plain text share.
    etag: &'static str,
    text: &'static str,
    gzip: &'static [u8],
    /// Headers in addition to those of every document.
    headers: &'static [(HeaderName, &'static str)],
}

include!(concat!(env!("OUT_DIR"), "/documents.rs"));

/// The contract as OpenAPI 3.1.
pub const OPENAPI: Document = Document {
    content_type: "application/json",
    etag: OPENAPI_ETAG,
    text: include_str!(concat!(env!("OUT_DIR"), "/openapi.json")),
    gzip: include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz")),
    headers: &[],
};

/// The contract as a page. It has no script, and may use only its own styles.
pub const PAGE: Document = Document {
    content_type: "text/html; charset=utf-8",
    etag: PAGE_ETAG,
    text: include_str!(concat!(env!("OUT_DIR"), "/page.html")),
    gzip: include_bytes!(concat!(env!("OUT_DIR"), "/page.html.gz")),
    headers: &[
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ],
};

impl Document {
    /// Caches may use a document for five minutes without revalidation.
    const CACHE_CONTROL: &'static str = "public, max-age=300";

    /// The response with the document, compressed if the client accepts gzip. It is 304 if the client already has the
    /// document.
    ///
    /// # Errors
    /// 500 if a header value is invalid.
    pub fn answer(&self, request: &Request) -> Reply {
        let mut response = if etag_matches(request.headers(), self.etag) {
            status(StatusCode::NOT_MODIFIED, Body::Empty)
        } else {
            self.whole(request)?
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, value(self.etag)?);
        headers.insert(header::CACHE_CONTROL, value(Self::CACHE_CONTROL)?);
        headers.insert(header::VARY, value("accept-encoding")?);
        Ok(response)
    }

    fn whole(&self, request: &Request) -> Reply {
        let accepts_gzip = accepts_encoding(request.headers(), "gzip");
        let body = if accepts_gzip { Body::Binary(self.gzip.to_vec()) } else { Body::from(self.text) };
        let mut response = status(StatusCode::OK, body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, value(self.content_type)?);
        if accepts_gzip {
            headers.insert(header::CONTENT_ENCODING, value("gzip")?);
        }
        for (name, text) in self.headers {
            headers.insert(name, value(text)?);
        }
        Ok(response)
    }
}

fn status(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_runs_and_loads_nothing() {
        for forbidden in ["<script", "<link", "<img", "<iframe", " style=", " onclick=", "src="] {
            assert!(!PAGE.text.contains(forbidden), "{forbidden}");
        }
        assert!(PAGE_POLICY.starts_with("default-src 'none'; style-src 'sha256-"), "{PAGE_POLICY}");
    }

    #[test]
    fn every_place_on_the_page_has_one_name_and_every_reference_a_place() {
        let after = |mark: &'static str| {
            PAGE.text.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).collect::<Vec<_>>()
        };
        let ids = after(" id=\"");
        let places: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(places.len(), ids.len());
        assert!(places.contains("images-create") && places.contains("schema-Problem"), "{places:?}");
        for reference in after("href=\"#") {
            assert!(places.contains(reference), "{reference}");
        }
    }
}
