//! The security headers of the page.

use std::env;

use lambda_http::{
    Request,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{
            CONTENT_SECURITY_POLICY, InvalidHeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
};

/// The headers for security.
#[derive(Clone, Debug)]
pub struct Policy {
    content: HeaderValue,
}

impl Policy {
    /// The headers of every file.
    const ALL: [(HeaderName, &str); 2] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    /// The headers of only the page.
    const PAGE: [(HeaderName, &str); 3] = [
        // Browsers must not send presigned addresses or the page's address to other sites.
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ];
    /// Two years, as <https://hstspreload.org> recommends.
    const TRANSPORT: &str = "max-age=63072000";

    /// The policy of a deployment. The page may upload to one bucket, and load and save pictures from both or from the edge
    /// in front of them.
    ///
    /// # Errors
    /// [`aws::MissingVariable`], or a variable that is not a valid header value.
    pub fn from_env() -> Result<Self, lambda_http::Error> {
        let endpoint = env::var("AWS_ENDPOINT_URL_S3").or_else(|_| env::var("AWS_ENDPOINT_URL")).ok();
        let region = aws::var("AWS_REGION")?;
        let address = |bucket: String| address(endpoint.as_deref(), &region, &bucket);
        let uploads = address(aws::var("UPLOADS_BUCKET")?);
        let pictures = match aws::edge_origin() {
            Some(edge) => edge,
            None => format!("{uploads} {}", address(aws::var("DERIVED_BUCKET")?)),
        };
        Ok(Self::new(&uploads, &pictures)?)
    }

    /// The policy for uploads to an address, and for pictures from addresses that are separated by spaces.
    pub(crate) fn new(uploads: &str, pictures: &str) -> Result<Self, InvalidHeaderValue> {
        let content = [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            &format!("img-src 'self' blob: data: {pictures}"),
            // The page saves pictures as files, which it gets by `fetch`.
            &format!("connect-src 'self' {uploads} {pictures}"),
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            // Browsers refuse to parse text as HTML or script.
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ];
        Ok(Self { content: HeaderValue::from_str(&content.join("; "))? })
    }

    /// Adds the headers of a file.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap, request: &Request, is_page: bool) {
        let page = Self::PAGE.into_iter().filter(|_| is_page);
        for (name, text) in Self::ALL.into_iter().chain(page) {
            headers.insert(name, HeaderValue::from_static(text));
        }
        if is_page {
            headers.insert(CONTENT_SECURITY_POLICY, self.content.clone());
        }
        // RFC 6797, section 7.2, forbids this header over HTTP, which the local stack uses.
        if request.headers().get("x-forwarded-proto").is_some_and(|scheme| scheme == "https") {
            headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(Self::TRANSPORT));
        }
    }
}

/// The address of a bucket, as in presigned URLs of shared/store. An emulator has no host name for each bucket.
fn address(endpoint: Option<&str>, region: &str, bucket: &str) -> String {
    match endpoint {
        Some(endpoint) => format!("{}/{bucket}/", endpoint.trim_end_matches('/')),
        None => format!("https://{bucket}.s3.{region}.amazonaws.com"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_s3::{
        Client, Config,
        config::{BehaviorVersion, Credentials, Region},
        presigning::PresigningConfig,
    };
    use lambda_http::Body;

    use super::*;

    fn headers(is_page: bool, scheme: &str) -> HeaderMap {
        let request = Request::new(Body::Empty);
        let (mut parts, body) = request.into_parts();
        parts.headers.insert("x-forwarded-proto", HeaderValue::from_str(scheme).unwrap());
        let policy = Policy::new("https://uploads.example", "https://pictures.example").unwrap();
        let mut headers = HeaderMap::new();
        policy.add_to(&mut headers, &Request::from_parts(parts, body), is_page);
        headers
    }

    #[test]
    fn the_page_may_connect_only_to_its_own_origin_and_to_the_buckets() {
        let headers = headers(true, "https");
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        let directives: Vec<&str> = policy.split("; ").collect();
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "img-src 'self' blob: data: https://pictures.example",
            "connect-src 'self' https://uploads.example https://pictures.example",
            "frame-ancestors 'none'",
        ] {
            assert!(directives.contains(&directive), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }

    #[tokio::test]
    async fn presigned_addresses_match_the_policy() {
        for (region, endpoint) in [
            ("eu-central-1", None),
            ("us-east-1", None),
            ("us-east-1", Some("http://localhost:4566")),
            ("us-east-1", Some("http://localhost:4566/")),
        ] {
            let mut config = Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(region))
                .credentials_provider(Credentials::new("a", "b", None, None, "test"))
                .force_path_style(endpoint.is_some());
            config.set_endpoint_url(endpoint.map(str::to_owned));
            let get =
                Client::from_conf(config.build()).get_object().bucket("darkroom-derived-1").key("a/b/1");
            let expiry = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
            let signed = get.presigned(expiry).await.unwrap();
            let address = address(endpoint, region, "darkroom-derived-1");
            let rest =
                signed.uri().strip_prefix(&address).unwrap_or_else(|| panic!("{} {address}", signed.uri()));
            assert!(rest.trim_start_matches('/').starts_with("a/b/1?"), "{rest}");
        }
    }

    #[test]
    fn only_responses_over_https_require_https() {
        assert!(headers(true, "https").contains_key(STRICT_TRANSPORT_SECURITY));
        assert!(!headers(true, "http").contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn a_script_has_no_content_policy_and_only_its_own_origin_may_load_it() {
        let headers = headers(false, "https");
        assert!(!headers.contains_key(CONTENT_SECURITY_POLICY));
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
    }
}
