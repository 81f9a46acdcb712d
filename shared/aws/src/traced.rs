//! An HTTP client that measures each call to AWS for X-Ray.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connector_metadata::ConnectorMetadata,
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use telemetry::Subsegment;

/// The client that does the work. Each attempt of a call becomes a subsegment, if X-Ray traces the invocation.
#[derive(Debug)]
pub(crate) struct TracedHttpClient(SharedHttpClient);

impl TracedHttpClient {
    pub(crate) fn new(client: SharedHttpClient) -> Self {
        Self(client)
    }
}

impl HttpClient for TracedHttpClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(TracedConnector(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

#[derive(Debug)]
struct TracedConnector(SharedHttpConnector);

impl HttpConnector for TracedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target");
        let (service, operation) = call_of(target, request.method(), request.uri());
        let mut subsegment = Subsegment::begin_call(service, operation);
        let call = self.0.call(request);
        if !subsegment.is_traced() {
            return call;
        }
        HttpConnectorFuture::new(async move {
            let outcome = call.await;
            match &outcome {
                Ok(response) => {
                    let id = ["x-amzn-requestid", "x-amz-request-id"]
                        .into_iter()
                        .find_map(|name| response.headers().get(name));
                    subsegment.answered(response.status().as_u16(), id);
                }
                Err(_) => subsegment.failed(),
            }
            outcome
        })
    }
}

/// The service and the operation of a request. `target` is the header `x-amz-target`, which the services with JSON
/// have. The two other services that Darkroom calls have REST: Lambda and S3.
fn call_of<'a>(target: Option<&'a str>, method: &'a str, uri: &str) -> (&'a str, &'a str) {
    match target.and_then(|target| target.split_once('.')) {
        Some((prefix, operation)) => {
            let service = match prefix {
                "AmazonSQS" => "SQS",
                "AWSCognitoIdentityProviderService" => "Cognito",
                "secretsmanager" => "SecretsManager",
                _ if prefix.starts_with("DynamoDB") => "DynamoDB",
                _ => prefix,
            };
            (service, operation)
        }
        None if uri.contains("/2015-03-31/functions/") => ("Lambda", "Invoke"),
        None => ("S3", method),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_the_name_of_its_service() {
        let s3 = "https://b.s3.eu-west-1.amazonaws.com/a";
        let lambda = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f/invocations";
        for (target, uri, expected) in [
            (Some("DynamoDB_20120810.GetItem"), "https://dynamodb/", ("DynamoDB", "GetItem")),
            (Some("AmazonSQS.SendMessage"), "https://sqs/", ("SQS", "SendMessage")),
            (
                Some("AWSCognitoIdentityProviderService.InitiateAuth"),
                "https://c/",
                ("Cognito", "InitiateAuth"),
            ),
            (Some("secretsmanager.GetSecretValue"), "https://s/", ("SecretsManager", "GetSecretValue")),
            (None, lambda, ("Lambda", "Invoke")),
            (None, s3, ("S3", "PUT")),
        ] {
            assert_eq!(call_of(target, "PUT", uri), expected);
        }
    }
}
