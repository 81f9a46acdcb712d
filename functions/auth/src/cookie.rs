//! The cookie with the refresh token. Scripts cannot read it.
//!
//! Browsers send it only to `/api/auth`, and only from pages of the same site (`SameSite=Strict`). With a custom domain,
//! other subdomains belong to the same site. They cannot use the cookie either: a body must be JSON, so a browser asks
//! API Gateway for permission first, and API Gateway allows other origins no credentials.

use api::Problem;
use lambda_http::http::{HeaderMap, HeaderValue, header};

const NAME: &str = "refresh_token";
/// The lifetime of a refresh token, in seconds. template.yaml sets it in the user pool.
const MAX_AGE: u32 = 30 * 24 * 60 * 60;

/// The refresh token in the request's cookie, if there is one.
#[must_use]
pub fn refresh_token(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == NAME && !value.is_empty()).then_some(value))
}

/// The `Set-Cookie` header that stores a refresh token.
///
/// # Errors
/// 500 if the text is not a token.
pub fn store(token: &str) -> Result<HeaderValue, Problem> {
    let is_token =
        !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+/=".contains(&b));
    if !is_token {
        return Err(Problem::internal("Cognito gave a refresh token that does not fit into a cookie"));
    }
    set(token, MAX_AGE)
}

/// The `Set-Cookie` header that removes the refresh token.
///
/// # Errors
/// Never. It returns the same type as [`store`].
pub fn remove() -> Result<HeaderValue, Problem> {
    set("", 0)
}

fn set(value: &str, max_age: u32) -> Result<HeaderValue, Problem> {
    let cookie =
        format!("{NAME}={value}; HttpOnly; Secure; SameSite=Strict; Path=/api/auth; Max-Age={max_age}");
    let mut header = HeaderValue::from_str(&cookie).map_err(Problem::internal)?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (header::COOKIE, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        for (values, expected) in [
            (&["refresh_token=a.b-c_d=="][..], Some("a.b-c_d==")),
            (&["theme=dark; refresh_token=a"][..], Some("a")),
            (&["theme=dark", "refresh_token=a"][..], Some("a")),
            (&["refresh_token="][..], None),
            (&["old_refresh_token=a; refresh_token_2=b"][..], None),
            (&["refresh_token"][..], None),
            (&[][..], None),
        ] {
            assert_eq!(refresh_token(&with(values)), expected, "{values:?}");
        }
    }

    #[test]
    fn only_a_token_is_stored_in_the_cookie() {
        for text in ["", "a; Domain=example.com", "a b", "a\r\nx: y", "a\"", "\u{e4}"] {
            assert!(store(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_cookie_lasts_as_long_as_the_refresh_token() {
        let template = include_str!("../../../template.yaml");
        let days = template.split("RefreshTokenValidity: ").nth(1).unwrap().lines().next().unwrap();
        assert_eq!(days.parse(), Ok(MAX_AGE / 86_400));
        assert!(template.contains("RefreshToken: days"));
    }
}
