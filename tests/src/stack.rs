//! The running stack.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, ClientBuilder, Method, Url, redirect::Policy};
use serde_json::Value;

use crate::{
    Answer, Aws, Invocation, Outputs, contract,
    count::{Kind, count},
    until,
};

/// A stack under test. Each test creates one, because connections belong to the runtime of a test.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The stack's outputs.
    pub outputs: Arc<Outputs>,
    /// The stack's AWS services.
    pub aws: Aws,
    http: Client,
}

impl Stack {
    /// The stack that `DARKROOM_OUTPUTS` describes.
    ///
    /// # Errors
    /// If there is none.
    pub fn connect() -> Result<Self> {
        Self::of(Outputs::read()?)
    }

    /// The same stack, whose requests to the API and the page go through the edge.
    ///
    /// # Errors
    /// If there is none, or it has no edge.
    pub fn connect_to_edge() -> Result<Self> {
        let outputs = Outputs::read()?;
        ensure!(!outputs.edge_url.is_empty(), "the stack has no edge: use `cargo xtask test --only edge`");
        Self::of(Outputs { api_url: outputs.edge_url.clone(), ..outputs })
    }

    fn of(outputs: Outputs) -> Result<Self> {
        let host = Url::parse(&outputs.api_url)?.host_str().context("api_url has no host")?.to_owned();
        let mut http = http_client().redirect(Policy::none()).timeout(Duration::from_secs(60));
        if host.ends_with(".localhost") {
            // Not every resolver resolves names below `.localhost` to this machine.
            http = http.resolve(&host, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
        let http = http.build()?;
        let aws = Aws::new(http.clone(), &outputs);
        Ok(Self { outputs: Arc::new(outputs), aws, http })
    }

    /// Starts a request to the API, as a client that accepts gzip. The fragment of the address, which is never sent, tells
    /// [`send`] to decompress the response and to compare it with the contract.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        count(Kind::Api);
        let url = format!("{}{path}#{method}", self.outputs.api_url);
        self.http.request(method, url).header("accept-encoding", "gzip")
    }

    /// Posts JSON without a token.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// Gets an address without a token.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn fetch(&self, url: &str) -> Result<Answer> {
        send(self.request_url(Method::GET, url)).await
    }

    /// Starts a request to any address.
    pub fn request_url(&self, method: Method, url: &str) -> reqwest::RequestBuilder {
        count(if url.starts_with(&self.outputs.api_url) { Kind::Api } else { Kind::Service("s3") });
        self.http.request(method, url)
    }

    /// Sends bytes to an `upload`, with exactly its headers. The HTTP client sets the length, as in a browser.
    ///
    /// # Errors
    /// If there is no response or no such upload.
    pub async fn put(&self, upload: &Value, bytes: Vec<u8>) -> Result<Answer> {
        count(Kind::Upload);
        let url = upload["url"].as_str().context("the upload has no url")?;
        let mut request = self.http.put(url).body(bytes);
        for (name, value) in upload["headers"].as_object().context("the upload has no headers")? {
            if !name.eq_ignore_ascii_case("content-length") {
                request = request.header(name, value.as_str().context("a header is not text")?);
            }
        }
        send(request).await
    }

    /// Waits until an address has received this many codes, and returns them.
    ///
    /// # Errors
    /// If fewer mails arrive in time.
    pub async fn mailed_codes(&self, email: &Value, count: usize) -> Result<Vec<String>> {
        ensure!(!self.outputs.is_remote, "only the local stack has a mailbox that a test can read");
        let url = format!("{}/_ministack/ses/messages", self.outputs.endpoint_url);
        until(&format!("{count} mails to {email}"), async || {
            let mails = self.fetch(&url).await?.json(200)?;
            let mails = mails["messages"].as_object().into_iter().flatten();
            let mails = mails.flat_map(|(_account, mails)| mails.as_array().into_iter().flatten());
            let mails = mails.filter(|mail| mail["To"].as_array().is_some_and(|to| to.contains(email)));
            let codes: Vec<String> = mails.filter_map(code_in).collect();
            Ok((codes.len() == count).then_some(codes))
        })
        .await
    }

    /// The physical id of a resource of template.yaml.
    ///
    /// # Errors
    /// If there is no response or no such resource.
    pub async fn resource(&self, name: &str) -> Result<String> {
        self.aws.physical_id(&self.outputs.stack_name, name).await
    }

    /// The number of invocations whose logs contain a text, of the functions of a log group.
    ///
    /// # Errors
    /// If there is no response or no such group.
    pub async fn invocations_about(&self, group: &str, text: &str) -> Result<usize> {
        let group = self.resource(group).await?;
        let lines = self.aws.log_lines(&group, text).await?;
        let ids = lines.iter().filter_map(|line| {
            // `requestId="…"` in text, `"function_request_id":"…"` in JSON.
            let (_, behind) =
                line.split_once("function_request_id").or_else(|| line.split_once("requestId"))?;
            behind.trim_start_matches(['"', '=', ':']).split('"').next()
        });
        let mut count = 0;
        // A retry may have the same request id.
        for id in ids.collect::<BTreeSet<_>>() {
            let lines = self.aws.log_lines(&group, id).await?;
            count += lines
                .iter()
                .filter(|line| line.starts_with("START ") || line.contains("platform.start\""))
                .count();
        }
        Ok(count)
    }

    /// Invokes a function of template.yaml directly.
    ///
    /// # Errors
    /// If there is no response or no such function.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Invocation> {
        self.aws.invoke(&self.resource(function).await?, event).await
    }

    /// Runs `work` while a variable of a function of template.yaml has another value.
    ///
    /// # Errors
    /// If the work fails, or if the stack is not the local one.
    pub async fn with_variable<T>(
        &self,
        function: &str,
        (name, value): (&str, &str),
        work: impl AsyncFnOnce() -> Result<T>,
    ) -> Result<T> {
        let function = self.resource(function).await?;
        let variables = self.aws.function(&function).await?["Environment"]["Variables"].take();
        let mut changed = variables.clone();
        changed[name] = Value::from(value);
        self.aws.set_variables(&function, &changed).await?;
        let outcome = work().await;
        self.aws.set_variables(&function, &variables).await?;
        outcome
    }

    /// Calls an operation of Cognito as the operator of the stack.
    ///
    /// # Errors
    /// If Cognito refuses it or does not answer.
    pub async fn cognito(&self, operation: &str, body: &Value) -> Result<Value> {
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        self.aws.json("cognito-idp", &target, body).await
    }
}

/// Sends a request and reads its response. For a request of [`Stack::request`], the contract must allow the response, and
/// the body of an accepted request.
///
/// # Errors
/// If there is no response, or docs/openapi.yaml does not allow it.
pub async fn send(request: reqwest::RequestBuilder) -> Result<Answer> {
    let (client, request) = request.build_split();
    let request = request?;
    let (url, body) =
        (request.url().clone(), request.body().and_then(|body| body.as_bytes().map(<[u8]>::to_vec)));
    let answer = Answer::read(client.execute(request).await?).await?;
    // The URL of the response has no fragment.
    let Some(method) = url.fragment() else { return Ok(answer) };
    let answer = answer.decompressed()?;
    let is_partial = url.query_pairs().any(|(name, _)| name == "fields");
    contract::check_answer(method, url.path(), is_partial, &answer)?;
    if let (Some(body), true) = (body, answer.status.is_success()) {
        contract::check_accepted(method, url.path(), &body)?;
    }
    Ok(answer)
}

/// Builds a client that uses ring for HTTPS, as the functions do.
pub(crate) fn http_client() -> ClientBuilder {
    // Fails if an earlier client has already installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

fn code_in(mail: &Value) -> Option<String> {
    let text = mail["BodyText"].as_str().or(mail["BodyHtml"].as_str())?;
    let digits = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    text.split(|c: char| !c.is_ascii_alphanumeric()).find(digits).map(str::to_owned)
}

#[cfg(test)]
mod tests;
