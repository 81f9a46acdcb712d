//! Requests to endpoints.

use api::Request;
use lambda_http::{aws_lambda_events::apigw::ApiGatewayV2httpRequest, request::LambdaRequest};
use serde_json::{Map, Value, json};

use crate::items::{USER, USERNAME};

/// Builds a request as API Gateway sends it to a function.
#[derive(Clone, Debug)]
pub struct TestRequest {
    method: &'static str,
    query: String,
    headers: Map<String, Value>,
    parameters: Map<String, Value>,
    claims: Option<Value>,
    body: Option<String>,
}

impl TestRequest {
    /// A request of the user [`USER`], who is not an admin.
    #[must_use]
    pub fn new(method: &'static str) -> Self {
        let claims = json!({"sub": USER, "username": USERNAME, "token_use": "access"});
        let headers = json!({"host": "api.example", "authorization": "Bearer token"});
        Self {
            method,
            query: String::new(),
            headers: headers.as_object().cloned().unwrap_or_default(),
            parameters: Map::new(),
            claims: Some(claims),
            body: None,
        }
    }

    /// The caller is an admin.
    #[must_use]
    pub fn admin(mut self) -> Self {
        if let Some(claims) = &mut self.claims {
            claims["cognito:groups"] = json!("[admin]");
        }
        self
    }

    /// The request has no token, as requests to public endpoints.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.claims = None;
        self.headers.remove("authorization");
        self
    }

    /// Adds a parameter of the path, such as `id`.
    #[must_use]
    pub fn path(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), json!(value));
        self
    }

    /// Sets the query string, such as `limit=2`.
    #[must_use]
    pub fn query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), json!(value));
        self
    }

    /// Sets the JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string());
        self.header("content-type", "application/json")
    }

    /// The request, as `api::serve` passes it to the endpoint.
    ///
    /// # Panics
    /// If the event is not one of an HTTP API.
    #[must_use]
    #[expect(clippy::expect_used, reason = "Only tests call this, and the event has a fixed shape.")]
    pub fn build(self) -> Request {
        let event = json!({
            "version": "2.0",
            "rawPath": "/api/test",
            "rawQueryString": self.query,
            "headers": self.headers,
            "pathParameters": self.parameters,
            "queryStringParameters": {},
            "requestContext": {
                "http": {"method": self.method, "path": "/api/test"},
                "authorizer": self.claims.map(|claims| json!({"jwt": {"claims": claims}})),
            },
            "body": self.body,
            "isBase64Encoded": false,
        });
        let event: ApiGatewayV2httpRequest = serde_json::from_value(event).expect("an event of an HTTP API");
        LambdaRequest::ApiGatewayV2(event).into()
    }
}
