//! Documents that are the same for all clients.

use api::{Problem, Reply, Request, StatusCode, accepts_encoding, etag_matches};
use lambda_http::{
    Body, Response,
    http::{HeaderName, HeaderValue, header},
};

/// A document and its headers.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    name: &'static str,
    content_type: &'static str,
    /// A weak ETag, which the compressed and the plain form share.
    etag: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

/// The contract, and the files of its page.
const DOCUMENTS: &[Document] = include!(concat!(env!("OUT_DIR"), "/documents.rs"));

impl Document {
    /// The name of the contract as OpenAPI 3.1.
    pub const OPENAPI: &'static str = "openapi.json";
    /// The name of the page.
    pub const PAGE: &'static str = "index.html";
    /// Caches may use a document for five minutes without revalidation.
    const CACHE_CONTROL: &'static str = "public, max-age=300";
    /// The page may run only its own scripts, and send requests only to the API. Swagger UI sets styles by script, which
    /// needs no `unsafe-inline`, and its style sheet contains pictures as `data:` URLs.
    const POLICY: &'static str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    /// The headers of every document.
    const HEADERS: [(HeaderName, &'static str); 2] =
        [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::REFERRER_POLICY, "no-referrer")];

    /// The document with a name, such as [`Self::PAGE`].
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        DOCUMENTS.iter().find(|document| document.name == name)
    }

    /// The script or style sheet with a name, such as `swagger-ui.css`.
    #[must_use]
    pub fn find_asset(name: &str) -> Option<&'static Self> {
        let is_asset = [".js", ".css"].iter().any(|extension| name.ends_with(extension));
        if is_asset { Self::find(name) } else { None }
    }

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
        let body = Body::Binary(if accepts_gzip { self.gzip.to_vec() } else { self.plain.to_vec() });
        let mut response = status(StatusCode::OK, body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, value(self.content_type)?);
        if accepts_gzip {
            headers.insert(header::CONTENT_ENCODING, value("gzip")?);
        }
        for (name, text) in Self::HEADERS {
            headers.insert(name, value(text)?);
        }
        if self.name == Self::PAGE {
            headers.insert(header::CONTENT_SECURITY_POLICY, value(Self::POLICY)?);
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
    use super::*;

    fn text(name: &str) -> &'static str {
        std::str::from_utf8(Document::find(name).unwrap().plain).unwrap()
    }

    #[test]
    fn the_page_contains_no_script_and_every_file_that_it_loads_is_packed() {
        let page = text(Document::PAGE);
        for forbidden in [" style=", " onclick=", "<style", "javascript:"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        let mut count = 0;
        for rest in page.split("\"/api/docs/").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(Document::find_asset(name).is_some(), "{name}");
            count += 1;
        }
        assert_eq!(count, 4);
        for script in page.split("<script").skip(1) {
            assert!(script.contains("></script>"), "{script}");
        }
    }

    #[test]
    fn the_page_allows_neither_inline_code_nor_code_from_text() {
        assert!(Document::POLICY.contains("script-src 'self';"));
        assert!(!Document::POLICY.contains("unsafe"), "{}", Document::POLICY);
    }

    #[test]
    fn only_scripts_and_style_sheets_are_assets() {
        for name in ["", "package.json", "openapi.json", "index.html", "../docs.js", "DOCS.JS", ".js"] {
            assert!(Document::find_asset(name).is_none(), "{name}");
        }
        assert!(text("openapi.json").starts_with("{\"openapi\":\"3.1.0\""));
    }
}
