//! A fake AWS.

#![expect(clippy::panic, reason = "A test fails if an endpoint makes an unexpected call.")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig};
use aws_types::{SdkConfig, region::Region};
use serde_json::{Value, json};
use store::{Objects, Records};

/// A prepared response: the operation, such as `GetItem`, the HTTP status, and the body.
type Prepared = (&'static str, u16, Value);

/// An AWS that returns prepared responses and records every call.
#[derive(Clone, Debug)]
pub struct FakeAws(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    prepared: VecDeque<Prepared>,
    calls: Vec<(String, Value)>,
}

/// A successful response of an operation.
#[must_use]
pub fn ok(operation: &'static str, body: Value) -> Prepared {
    (operation, 200, body)
}

/// An error of an operation, such as `ConditionalCheckFailedException`.
#[must_use]
pub fn error(operation: &'static str, code: &str) -> Prepared {
    (operation, 400, json!({"__type": code, "message": "prepared by the test"}))
}

/// The response to a transaction of `count` items, of which DynamoDB refuses the one with this index. `stored` is the
/// output of `GetItem` with the item that is stored there, or `{}` if there is none or DynamoDB does not return it.
#[must_use]
pub fn refused(index: usize, count: usize, stored: &Value) -> Prepared {
    let mut reasons = vec![json!({"Code": "None"}); count];
    reasons[index] = stored.clone();
    reasons[index]["Code"] = json!("ConditionalCheckFailed");
    let body = json!({
        "__type": "TransactionCanceledException", "message": "prepared by the test",
        "CancellationReasons": reasons,
    });
    ("TransactWriteItems", 400, body)
}

impl FakeAws {
    /// An AWS that returns each of these responses once, to the next call of its operation.
    #[must_use]
    pub fn new(prepared: impl IntoIterator<Item = Prepared>) -> Self {
        let state = State { prepared: prepared.into_iter().collect(), calls: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// The configuration of clients that call this AWS. A failed call is not repeated.
    #[must_use]
    pub fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIATEST", "secret", None, None, "test");
        let connector = SharedHttpConnector::new(self.clone());
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }

    /// The table of this AWS.
    #[must_use]
    pub fn records(&self) -> Records {
        Records::new(&self.config(), "table".to_owned())
    }

    /// The buckets of this AWS.
    #[must_use]
    pub fn objects(&self) -> Objects {
        Objects::new(&self.config(), "uploads".to_owned(), "derived".to_owned())
    }

    /// The operations that were called, each with its input, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).calls.clone()
    }

    /// The names of the operations that were called, in order.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        self.calls().into_iter().map(|(operation, _)| operation).collect()
    }

    /// The output of `GetItem` with the answer that a request with an idempotency key has stored.
    #[must_use]
    pub fn stored_answer(&self) -> Value {
        let calls = self.calls();
        let items = calls.iter().filter_map(|(_, input)| input["TransactItems"].as_array()).flatten();
        let mut puts = items.map(|item| &item["Put"]["Item"]);
        let stored = puts.find(|put| put["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("REQUEST#")));
        json!({"Item": stored})
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        // DynamoDB, Cognito and SQS name the operation in this header, such as `DynamoDB_20120810.GetItem`.
        let target = request.headers().get("x-amz-target").unwrap_or_else(|| request.uri());
        let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation);
        let input = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok());

        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.calls.push((operation.to_owned(), input.unwrap_or_default()));
        let Some(index) = state.prepared.iter().position(|(prepared, ..)| *prepared == operation) else {
            panic!("the test prepared no response for this call: {operation}");
        };
        let Some((_, status, body)) = state.prepared.remove(index) else { unreachable!() };
        let status = http::StatusCode::from_u16(status).unwrap_or_default();
        // S3 answers with XML.
        let body = if let Value::String(xml) = body { xml } else { body.to_string() };
        HttpResponse::new(status.into(), SdkBody::from(body))
    }
}

impl HttpConnector for FakeAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Ok(self.answer(&request)))
    }
}
