//! Calls to Lambda.

use anyhow::Result;
use http::Request;
use serde_json::{Value, json};

use super::Aws;
use crate::{Invocation, unique};

impl Aws {
    /// Invokes a function and waits for its end.
    ///
    /// # Errors
    /// If Lambda refuses it or does not answer. A failure of the function is in the [`Invocation`].
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Invocation> {
        let uri = format!("{}/2015-03-31/functions/{function}/invocations", self.endpoint("lambda"));
        let request = Request::post(uri).body(serde_json::to_vec(event)?)?;
        let answer = self.send("lambda", request).await?.expect(200)?;
        let failed = !answer.header("x-amz-function-error").is_empty();
        let payload = if answer.bytes.is_empty() { Value::Null } else { answer.json(200)? };
        Ok(Invocation { failed, payload })
    }

    /// Creates a function, and returns its configuration. `request` is that of "CreateFunction" (AWS Lambda API
    /// Reference).
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn create_function(&self, request: &Value) -> Result<Value> {
        self.may_change_the_stack()?;
        let uri = format!("{}/2015-03-31/functions", self.endpoint("lambda"));
        self.send("lambda", Request::post(uri).body(serde_json::to_vec(request)?)?).await?.json(201)
    }

    /// Lets EventBridge invoke a function ("Resource-based policies for Amazon EventBridge", Amazon EventBridge User
    /// Guide).
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn let_rules_invoke(&self, function: &str) -> Result<()> {
        self.may_change_the_stack()?;
        let uri = format!("{}/2015-03-31/functions/{function}/policy", self.endpoint("lambda"));
        let principal = "events.amazonaws.com";
        let permission =
            json!({"StatementId": "rules", "Action": "lambda:InvokeFunction", "Principal": principal});
        let request = Request::post(uri).body(serde_json::to_vec(&permission)?)?;
        self.send("lambda", request).await?.expect(201).map(drop)
    }

    /// The configuration of a function.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn function(&self, function: &str) -> Result<Value> {
        let uri = format!("{}/2015-03-31/functions/{function}/configuration", self.endpoint("lambda"));
        self.send("lambda", Request::get(uri).body(Vec::new())?).await?.json(200)
    }

    /// The event source mappings of a function.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn event_sources(&self, function: &str) -> Result<Value> {
        let uri =
            format!("{}/2015-03-31/event-source-mappings?FunctionName={function}", self.endpoint("lambda"));
        self.send("lambda", Request::get(uri).body(Vec::new())?).await?.json(200)
    }

    /// The configuration for failed asynchronous events of a function.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn event_invoke_config(&self, function: &str) -> Result<Value> {
        let path = format!("2019-09-25/functions/{function}/event-invoke-config?Qualifier=%24LATEST");
        let uri = format!("{}/{path}", self.endpoint);
        self.send("lambda", Request::get(uri).body(Vec::new())?).await?.json(200)
    }

    /// Ends all instances of a function by changing its configuration.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn restart(&self, function: &str) -> Result<()> {
        self.may_change_the_stack()?;
        // The emulator restarts a function if the request has this member, even if its value is the same.
        let memory = self.function(function).await?["MemorySize"].take();
        self.configure(function, &json!({"Description": unique("restarted"), "MemorySize": memory})).await
    }

    /// Replaces the environment of a function.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn set_variables(&self, function: &str, variables: &Value) -> Result<()> {
        self.configure(function, &json!({"Environment": {"Variables": variables}})).await
    }

    /// Sets the timeout of a function in seconds.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn set_timeout(&self, function: &str, seconds: &Value) -> Result<()> {
        self.configure(function, &json!({"Timeout": seconds})).await
    }

    /// Reserves this concurrency for a function. `None` ends the reservation.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn set_concurrency(&self, function: &str, concurrency: Option<u32>) -> Result<()> {
        self.may_change_the_stack()?;
        let uri = format!("{}/2017-10-31/functions/{function}/concurrency", self.endpoint("lambda"));
        let (request, status) = match concurrency {
            Some(number) => {
                let body = json!({"ReservedConcurrentExecutions": number});
                (Request::put(uri).body(serde_json::to_vec(&body)?)?, 200)
            }
            None => (Request::delete(uri).body(Vec::new())?, 204),
        };
        self.send("lambda", request).await?.expect(status).map(drop)
    }

    async fn configure(&self, function: &str, change: &Value) -> Result<()> {
        self.may_change_the_stack()?;
        let uri = format!("{}/2015-03-31/functions/{function}/configuration", self.endpoint("lambda"));
        let request = Request::put(uri).body(serde_json::to_vec(change)?)?;
        self.send("lambda", request).await?.expect(200)?;
        // The emulator may send the next event to an instance that is ending. This call is that event.
        self.invoke(function, &json!({})).await.map(drop)
    }
}
