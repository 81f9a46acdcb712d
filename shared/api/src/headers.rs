//! The request headers `Accept`, `Accept-Encoding` and `If-None-Match`.

use lambda_http::{
    Request,
    http::{HeaderMap, HeaderName, header},
};

/// The header `Accept`, if the client sent one.
#[must_use]
pub fn accept(request: &Request) -> Option<&str> {
    request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok())
}

/// Whether the client wants JSON instead of a redirect.
#[must_use]
pub fn wants_json(request: &Request) -> bool {
    accept(request).is_some_and(|accept| accept.contains("application/json"))
}

/// Whether the client is a browser that opens a page, and not one that loads a picture or data.
#[must_use]
pub fn wants_html(request: &Request) -> bool {
    accept(request).is_some_and(|accept| accept.contains("text/html"))
}

/// Whether `Accept-Encoding` accepts a coding such as `gzip`, by name or by `*`, with a weight above 0.
#[must_use]
pub fn accepts_encoding(headers: &HeaderMap, coding: &str) -> bool {
    let weight = |wanted: &str| {
        elements(headers, header::ACCEPT_ENCODING).find_map(|element| {
            let (coding, parameters) = element.split_once(';').unwrap_or((element, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            coding.trim().eq_ignore_ascii_case(wanted).then(|| weight.unwrap_or_default())
        })
    };
    weight(coding).or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

/// Whether `If-None-Match` contains the ETag. The comparison is weak (RFC 9110, section 13.1.2).
#[must_use]
pub fn etag_matches(headers: &HeaderMap, etag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    elements(headers, header::IF_NONE_MATCH).any(|tag| tag == "*" || strong(tag) == strong(etag))
}

/// The elements of a header whose value is a list.
fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    fn with(name: HeaderName, text: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(text).unwrap())])
    }

    #[test]
    fn a_coding_is_accepted_by_name_or_by_asterisk() {
        for (text, expected) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("gzip;q=x", false),
        ] {
            assert_eq!(accepts_encoding(&with(header::ACCEPT_ENCODING, text), "gzip"), expected, "{text}");
        }
        assert!(!accepts_encoding(&HeaderMap::new(), "gzip"));
    }

    #[test]
    fn an_etag_matches_in_a_list_strong_or_weak() {
        for (text, expected) in [
            (r#"W/"1""#, true),
            (r#""1""#, true),
            (r#""0", W/"1""#, true),
            ("*", true),
            (r#""2""#, false),
            ("", false),
        ] {
            assert_eq!(etag_matches(&with(header::IF_NONE_MATCH, text), r#"W/"1""#), expected, "{text}");
        }
        assert!(!etag_matches(&HeaderMap::new(), r#"W/"1""#));
    }
}
