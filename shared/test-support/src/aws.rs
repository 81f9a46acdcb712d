//! A fake AWS.

#![expect(clippy::panic, reason = "A test fails if an endpoint makes an unexpected call.")]

use std::{
    collections::VecDeque,
    fmt,
    future::ready,
    pin::Pin,
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

/// The HTTP status and the body of a response.
type Response = Pin<Box<dyn Future<Output = (u16, Value)> + Send>>;

/// Makes the response to a call. Takes the operation and its input.
type Answer = dyn Fn(&str, &Value) -> Response + Send + Sync;

/// An AWS that records every call. Its responses are prepared, or a function makes them.
#[derive(Clone)]
pub struct FakeAws {
    answer: Arc<Answer>,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

impl fmt::Debug for FakeAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeAws").field("calls", &self.calls).finish_non_exhaustive()
    }
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
        let prepared: Mutex<VecDeque<Prepared>> = Mutex::new(prepared.into_iter().collect());
        Self::with(move |operation, _| {
            let mut prepared = prepared.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(index) = prepared.iter().position(|(prepared, ..)| *prepared == operation) else {
                panic!("the test prepared no response for this call: {operation}");
            };
            let Some((_, status, body)) = prepared.remove(index) else { unreachable!() };
            ready((status, body))
        })
    }

    /// An AWS that calls `answer` with each operation and its input. The output is the HTTP status and the body.
    #[must_use]
    pub fn with<F>(answer: impl Fn(&str, &Value) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = (u16, Value)> + Send + 'static,
    {
        let answer = move |operation: &str, input: &Value| -> Response { Box::pin(answer(operation, input)) };
        Self { answer: Arc::new(answer), calls: Arc::default() }
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
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
}

impl HttpConnector for FakeAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // DynamoDB, Cognito and SQS name the operation in this header, such as `DynamoDB_20120810.GetItem`.
        let target = request.headers().get("x-amz-target").unwrap_or_else(|| request.uri());
        let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation);
        let input = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok());
        let input: Value = input.unwrap_or_default();
        let call = (operation.to_owned(), input.clone());
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        let answer = (self.answer)(operation, &input);
        HttpConnectorFuture::new(async move {
            let (status, body) = answer.await;
            let status = http::StatusCode::from_u16(status).unwrap_or_default();
            // S3 answers with XML.
            let body = if let Value::String(xml) = body { xml } else { body.to_string() };
            Ok(HttpResponse::new(status.into(), SdkBody::from(body)))
        })
    }
}
