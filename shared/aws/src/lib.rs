#![doc = include_str!("../README.md")]

mod error;
mod secret;
mod traced;
mod variable;

use std::{env, time::Duration};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_smithy_types::{
    checksum_config::{RequestChecksumCalculation, ResponseChecksumValidation},
    retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_types::{
    SdkConfig,
    region::Region,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};

pub use error::{CallError, causes};
pub use secret::Secret;
use traced::TracedHttpClient;
pub use variable::{MissingVariable, is_set, optional_var, var};

const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The configuration of all AWS clients, from the environment variables that Lambda sets: the region and the role's
/// credentials. The local stack also sets `AWS_ENDPOINT_URL`. A variable such as `AWS_ENDPOINT_URL_DYNAMODB` sets the
/// endpoint of a single service.
///
/// A call is tried at most three times within eight seconds. That is less than the ten seconds of an endpoint's timeout,
/// so that the caller gets the function's answer instead of the gateway's. An attempt ends after 2.5 seconds, so that one
/// silent connection does not use up the time of the others. See [`timeouts`] for calls that take longer.
///
/// # Errors
/// [`MissingVariable`] if a variable of Lambda is missing.
pub fn config() -> Result<SdkConfig, MissingVariable> {
    let credentials = Credentials::new(
        var("AWS_ACCESS_KEY_ID")?,
        var("AWS_SECRET_ACCESS_KEY")?,
        env::var("AWS_SESSION_TOKEN").ok(),
        None,
        "Environment",
    );
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(var("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .service_config(ServiceVariables)
        .http_client(TracedHttpClient::new(http_client()))
        .sleep_impl(TokioSleep::new())
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_max_backoff(Duration::from_secs(1)))
        .timeout_config(timeouts(Some(Duration::from_millis(2500))))
        // The client that requests a presigned upload supplies the checksum, so the SDK must not add its own.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Ok(url) = env::var("AWS_ENDPOINT_URL") {
        config = config.endpoint_url(url);
    }
    Ok(config.build())
}

/// The timeouts of a client whose attempts take at most `attempt`. With `None`, an attempt may use the whole time of the
/// call, which is eight seconds. A call that takes longer than its attempt is made again, so it must be repeatable.
#[must_use]
pub fn timeouts(attempt: Option<Duration>) -> TimeoutConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(1500))
        .operation_timeout(Duration::from_secs(8));
    match attempt {
        Some(attempt) => timeouts.operation_attempt_timeout(attempt).build(),
        None => timeouts.disable_operation_attempt_timeout().build(),
    }
}

/// Reads the settings of one service from variables such as `AWS_ENDPOINT_URL_DYNAMODB` (AWS SDKs and Tools reference guide,
/// "Service-specific endpoints").
#[derive(Debug)]
struct ServiceVariables;

impl LoadServiceConfig for ServiceVariables {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace([' ', '-'], "_");
        env::var(format!("{}_{service}", key.env())).ok()
    }
}

/// The origin of the edge, such as `https://d111111abcdef8.cloudfront.net`, or `None` without the edge.
///
/// `EDGE_DOMAIN` has its domain name.
#[must_use]
pub fn edge_origin() -> Option<String> {
    optional_var("EDGE_DOMAIN").map(|domain| origin_of(&domain))
}

/// The origin of a domain name of the edge. A local stack adds a port, and has no TLS.
#[must_use]
pub fn origin_of(domain: &str) -> String {
    let scheme = if domain.contains(':') { "http" } else { "https" };
    format!("{scheme}://{domain}")
}

fn http_client() -> SharedHttpClient {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let context = TlsContext::builder().with_trust_store(roots);
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    match context.build() {
        Ok(context) => builder.tls_context(context).build_https(),
        // In this version, building a context cannot fail. The system's root certificates work too, but load slower.
        Err(_) => builder.build_https(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_has_tls_unless_the_stack_is_local() {
        for (domain, origin) in [
            ("d111111abcdef8.cloudfront.net", "https://d111111abcdef8.cloudfront.net"),
            ("darkroomedge.cloudfront.localhost:4566", "http://darkroomedge.cloudfront.localhost:4566"),
        ] {
            assert_eq!(origin_of(domain), origin);
        }
    }

    #[test]
    fn the_roots_are_amazons_five_and_a_client_takes_them() {
        let text = std::str::from_utf8(AMAZON_ROOTS).unwrap();
        assert_eq!(text.matches("-----BEGIN CERTIFICATE-----").count(), 5);
    }
}
