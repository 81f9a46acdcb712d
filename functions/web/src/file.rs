//! The files of the page and their encodings.

use api::{Problem, Reply, Request, StatusCode, accepts_encoding, etag_matches};
use lambda_http::{
    Body, Response,
    http::{HeaderMap, HeaderValue, Method, header},
};

use crate::Policy;

/// A file of web/, ready to be sent.
#[derive(Clone, Copy, Debug)]
pub struct File {
    content_type: &'static str,
    /// The hash of the content; each form's tag is made of it.
    etag: &'static str,
    plain: &'static [u8],
    /// Where compressing it saves much.
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The length of the hash in the address of an asset.
const HASH_DIGITS: usize = 16;

/// The file at an address, and how caches may use it.
///
/// After a deployment, the edge and a browser can still have the page before it, which names the assets by another hash.
/// They get the new files, because the page itself contains hardly more than the names of its files.
#[must_use]
pub fn find(path: &str) -> Option<(&'static File, Caching)> {
    if path == "/" {
        return Some((&PAGE, Caching::Revalidate));
    }
    let (name, caching) = match path.strip_prefix(DIRECTORY) {
        Some(name) => (name, Caching::Immutable),
        None => {
            let (hash, name) = path.strip_prefix("/assets/")?.split_once('/')?;
            let is_hash = hash.len() == HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            (is_hash.then_some(name)?, Caching::Revalidate)
        }
    };
    let index = ASSETS.binary_search_by_key(&name, |(name, _)| name).ok()?;
    ASSETS.get(index).map(|(_, file)| (file, caching))
}

/// What caches may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Store the file, but revalidate it each time.
    Revalidate,
    /// Never revalidate the file. Other content has another address.
    Immutable,
}

impl Caching {
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Revalidate => "no-cache",
            Self::Immutable => "public, max-age=31536000, immutable",
        })
    }
}

impl File {
    /// The response with the smallest encoding that the client accepts. It is 304 if the client already has the file. The
    /// response to HEAD has the headers of GET and no body.
    ///
    /// # Errors
    /// 500 if a header value is invalid.
    pub fn answer(&self, request: &Request, caching: Caching, policy: &Policy) -> Reply {
        let (coding, bytes) = self.form(request.headers());
        let etag =
            format!("\"{}{}\"", self.etag, coding.map(|coding| format!("-{coding}")).unwrap_or_default());
        let is_known = etag_matches(request.headers(), &etag);
        let has_body = !is_known && request.method() != Method::HEAD;
        let mut response = Response::new(if has_body { Body::Binary(bytes.to_vec()) } else { Body::Empty });
        *response.status_mut() = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, HeaderValue::from_str(&etag).map_err(Problem::internal)?);
        headers.insert(header::CACHE_CONTROL, caching.header());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if !is_known {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            if let Some(coding) = coding {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
        }
        policy.add_to(headers, request, self.is_page());
        Ok(response)
    }

    fn is_page(&self) -> bool {
        self.content_type.starts_with("text/html")
    }

    /// The smallest encoding that the client accepts, and its name.
    fn form(&self, headers: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
        let forms = [("br", self.brotli), ("gzip", self.gzip)];
        let taken = forms.into_iter().find_map(|(coding, bytes)| {
            let bytes = bytes.filter(|_| accepts_encoding(headers, coding))?;
            Some((Some(coding), bytes))
        });
        taken.unwrap_or((None, self.plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: File = File {
        content_type: "text/javascript; charset=utf-8",
        etag: "1f",
        plain: b"plain",
        gzip: Some(b"gz"),
        brotli: Some(b"b"),
    };

    fn answer(method: Method, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = lambda_http::http::Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let policy = Policy::new("https://uploads.example", "https://pictures.example").unwrap();
        FILE.answer(&request.body(Body::Empty).unwrap(), Caching::Immutable, &policy).unwrap()
    }

    fn header<'a>(answer: &'a Response<Body>, name: &str) -> &'a str {
        answer.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[test]
    fn the_smallest_accepted_encoding_is_sent_with_its_own_etag() {
        for (taken, coding, etag, body) in [
            ("gzip, deflate, br", "br", "\"1f-br\"", "b"),
            ("gzip", "gzip", "\"1f-gzip\"", "gz"),
            ("br;q=0, gzip", "gzip", "\"1f-gzip\"", "gz"),
            ("identity", "", "\"1f\"", "plain"),
        ] {
            let answer = answer(Method::GET, &[("accept-encoding", taken)]);
            assert_eq!(
                (header(&answer, "content-encoding"), header(&answer, "etag")),
                (coding, etag),
                "{taken}"
            );
            assert_eq!(answer.body().as_ref(), body.as_bytes(), "{taken}");
            assert_eq!(header(&answer, "vary"), "accept-encoding");
        }
    }

    #[test]
    fn a_client_with_this_encoding_gets_304_and_one_with_another_gets_the_file() {
        let known = answer(Method::GET, &[("accept-encoding", "br"), ("if-none-match", "\"1f-br\"")]);
        assert_eq!((known.status(), known.body().as_ref()), (StatusCode::NOT_MODIFIED, &b""[..]));
        assert_eq!(header(&known, "etag"), "\"1f-br\"");
        let other = answer(Method::GET, &[("accept-encoding", "gzip"), ("if-none-match", "\"1f-br\"")]);
        assert_eq!((other.status(), other.body().as_ref()), (StatusCode::OK, &b"gz"[..]));
    }

    #[test]
    fn a_head_returns_the_headers_of_a_get_without_the_body() {
        let answer = answer(Method::HEAD, &[("accept-encoding", "br")]);
        assert_eq!((answer.status(), answer.body().as_ref()), (StatusCode::OK, &b""[..]));
        assert_eq!((header(&answer, "content-encoding"), header(&answer, "etag")), ("br", "\"1f-br\""));
        assert_eq!(header(&answer, "cache-control"), "public, max-age=31536000, immutable");
    }

    #[test]
    fn only_the_hash_of_the_files_lets_caches_keep_them() {
        assert_eq!(find("/").unwrap().1, Caching::Revalidate);
        for (name, file) in ASSETS {
            let (found, caching) = find(&format!("{DIRECTORY}{name}")).unwrap();
            assert_eq!((found.etag, caching), (file.etag, Caching::Immutable), "{name}");
            let (found, caching) = find(&format!("/assets/0000000000000000/{name}")).unwrap();
            assert_eq!((found.etag, caching), (file.etag, Caching::Revalidate), "{name}");
            assert!(find(&format!("/assets/no-hash/{name}")).is_none(), "{name}");
        }
        for path in ["", "/index.html", "/assets/", DIRECTORY, "/assets/../index.html"] {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn the_page_has_no_script_and_no_style_of_its_own() {
        let page = std::str::from_utf8(PAGE.plain).unwrap();
        for script in page.split("<script").skip(1) {
            let (tag, rest) = script.split_once('>').unwrap();
            assert!(tag.contains(&format!("src=\"{DIRECTORY}")) && rest.starts_with("</script>"), "{script}");
        }
        for inline in ["<style", " style=", " onclick=", " onload=", " onerror=", "javascript:"] {
            assert!(!page.contains(inline), "{inline}");
        }
    }
}
