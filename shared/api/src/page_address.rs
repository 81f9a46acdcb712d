//! The address of the web page.

use std::{env, net::IpAddr};

use lambda_http::Request;

use crate::{Problem, ProblemCode};

/// The address of the web page, which ends in a slash. Public links begin with it.
///
/// If the environment variable `EDGE_DOMAIN` is not empty, it is the host: the edge then serves the page, and passes
/// requests to the API on with another host. Otherwise the page has the host of the request, because the function that
/// serves the page belongs to the same API.
///
/// # Errors
/// 400 `malformed-request` if the request has no valid host.
pub fn page_address(request: &Request) -> Result<String, Problem> {
    match env::var("EDGE_DOMAIN") {
        // A stand-in for the edge on this machine may have a scheme.
        Ok(edge) if edge.contains("://") => Ok(format!("{edge}/")),
        Ok(edge) if !edge.is_empty() => address_of(&edge),
        _ => {
            let host = request.headers().get("host").and_then(|host| host.to_str().ok());
            address_of(host.unwrap_or_default())
        }
    }
}

/// An HTTP API accepts only HTTPS (Amazon API Gateway FAQs, "Are my APIs that are hosted on Amazon API Gateway
/// encrypted?"). Only an emulator on this machine is reached without TLS.
fn address_of(host: &str) -> Result<String, Problem> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(Problem::new(ProblemCode::MalformedRequest, "The header Host is missing or invalid."));
    }
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let is_loopback = |address: IpAddr| address.is_loopback();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse();
    let is_local = name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(is_loopback);
    Ok(format!("{}://{host}/", if is_local { "http" } else { "https" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_host_of_the_request() {
        for (host, scheme) in [
            ("a1.execute-api.eu-central-1.amazonaws.com", "https"),
            ("photos.example:8443", "https"),
            ("notlocalhost", "https"),
            ("a1.execute-api.localhost:4566", "http"),
            ("127.0.0.1:9000", "http"),
            ("[::1]:9000", "http"),
        ] {
            assert_eq!(address_of(host).unwrap(), format!("{scheme}://{host}/"));
        }
        for host in ["", "a/b", "a@b", "a b"] {
            assert!(address_of(host).is_err(), "{host}");
        }
    }
}
