//! The refresh token in a cookie, where no script of a page can read it.
//!
//! Only what answers under `/api/auth` ever gets it, and only from pages of the API's own site (`SameSite=Strict`).
//! Whoever shares the site with it, by a domain of one's own, still cannot use it: a body must be JSON, for which a
//! browser asks the gateway first, and that allows other origins no credentials.

use api::Problem;
use lambda_http::http::{HeaderMap, HeaderValue, header};

const NAME: &str = "refresh_token";
/// For as long as the pool in template.yaml has a refresh token work, in seconds.
const MAX_AGE: u32 = 30 * 24 * 60 * 60;

/// The refresh token that a browser sent along, where it did.
#[must_use]
pub fn sent(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == NAME && !value.is_empty()).then_some(value))
}

/// `Set-Cookie` that has a browser keep a refresh token.
///
/// # Errors
/// 500 for what is no token.
pub fn kept(token: &str) -> Result<HeaderValue, Problem> {
    let is_token =
        !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+/=".contains(&b));
    if !is_token {
        return Err(Problem::internal("Cognito gave a refresh token that does not fit into a cookie"));
    }
    set(token, MAX_AGE)
}

/// `Set-Cookie` that has a browser forget the refresh token.
///
/// # Errors
/// None; the type is that of [`kept`].
pub fn forgotten() -> Result<HeaderValue, Problem> {
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
            assert_eq!(sent(&with(values)), expected, "{values:?}");
        }
    }

    #[test]
    fn nothing_but_a_token_gets_into_a_cookie() {
        for text in ["", "a; Domain=example.com", "a b", "a\r\nx: y", "a\"", "\u{e4}"] {
            assert!(kept(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_cookie_lasts_as_long_as_the_pools_refresh_tokens() {
        let template = include_str!("../../../template.yaml");
        let days = template.split("RefreshTokenValidity: ").nth(1).unwrap().lines().next().unwrap();
        assert_eq!(u32::try_from(MAX_AGE / 86_400).unwrap(), days.parse::<u32>().unwrap());
        assert!(template.contains("RefreshToken: days"));
    }
}
