//! Signed calls to the stack's AWS, for looking behind the API and for invoking functions directly.
//!
//! By hand rather than through the SDK: five services are needed for a call or two each, and their SDKs
//! take longer to build than all the tests to run.

use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use http::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Client;
use serde_json::{Map, Value, json};

use crate::{
    Answer,
    count::{Kind, count},
    stack::Outputs,
    unique,
};

/// The stack's AWS, as the account's root on the local stack, or with the caller's credentials.
#[derive(Clone, Debug)]
pub struct Aws {
    http: Client,
    /// Empty for AWS itself.
    endpoint: String,
    region: String,
    credentials: Credentials,
    is_remote: bool,
}

/// What came of invoking a function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Whether the function ended with an error.
    pub failed: bool,
    /// What it returned, or its error.
    pub payload: Value,
}

impl Invocation {
    /// What the function returned.
    ///
    /// # Errors
    /// Where it failed.
    pub fn ok(self) -> Result<Value> {
        ensure!(!self.failed, "the function failed: {}", self.payload);
        Ok(self.payload)
    }
}

impl Aws {
    pub(crate) fn new(http: Client, outputs: &Outputs) -> Self {
        let Outputs { access_key, secret_key, session_token, endpoint_url, region, .. } = outputs;
        let credentials =
            Credentials::new(access_key, secret_key, session_token.clone(), None, "outputs.json");
        let is_remote = outputs.is_remote;
        Self { http, endpoint: endpoint_url.clone(), region: region.clone(), credentials, is_remote }
    }

    /// Where a service answers.
    fn endpoint(&self, service: &str) -> String {
        match (self.endpoint.as_str(), service) {
            // Global, and always signed for us-east-1. No test calls it on a deployed stack.
            ("", "iam") => "https://iam.amazonaws.com".to_owned(),
            ("", service) => format!("https://{service}.{}.amazonaws.com", self.region),
            (endpoint, _) => endpoint.to_owned(),
        }
    }

    /// Where a bucket answers: on AWS at its own host, as new buckets must be addressed ("Virtual hosting of buckets").
    fn bucket(&self, bucket: &str) -> String {
        match self.endpoint.as_str() {
            "" => format!("https://{bucket}.s3.{}.amazonaws.com", self.region),
            endpoint => format!("{endpoint}/{bucket}"),
        }
    }

    /// Refuses to change the resources of a stack that others use.
    fn may_change_the_stack(&self) -> Result<()> {
        ensure!(
            !self.is_remote,
            "this test changes the stack itself, which only the local stack is there for"
        );
        Ok(())
    }

    /// Calls a service of the JSON protocol, such as `DynamoDB_20120810.GetItem`.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn json(&self, service: &'static str, target: &str, body: &Value) -> Result<Value> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/", self.endpoint(service)))
            .header("content-type", json_version(service))
            .header("x-amz-target", target)
            .body(serde_json::to_vec(body)?)?;
        let answer = self.send(service, request).await?.expect(200).with_context(|| target.to_owned())?;
        if answer.bytes.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&answer.bytes)?) }
    }

    /// Sends a request that AWS would refuse, and returns the error's body. The judge does not count the request.
    ///
    /// # Errors
    /// The request is not refused, for instance because the stack has no judge. `cargo xtask test` starts one with a judge.
    pub async fn refused(
        &self,
        service: &'static str,
        request: http::request::Builder,
        body: &Value,
    ) -> Result<String> {
        let mut request = request.header("x-darkroom-judge", "expected").body(serde_json::to_vec(body)?)?;
        *request.uri_mut() = format!("{}{}", self.endpoint(service), request.uri()).parse()?;
        Ok(self.send(service, request).await?.expect(400)?.text())
    }

    /// An item of a table as plain JSON, where there is one.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn item(&self, table: &str, pk: &str, sk: &str) -> Result<Option<Value>> {
        let request = json!({"TableName": table, "Key": key(pk, sk), "ConsistentRead": true});
        let answer = self.json("dynamodb", "DynamoDB_20120810.GetItem", &request).await?;
        answer.get("Item").map(|item| plain(&json!({"M": item}))).transpose()
    }

    /// Writes an item.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn put_item(&self, table: &str, item: &Value) -> Result<()> {
        let request = json!({"TableName": table, "Item": attribute(item)["M"]});
        self.json("dynamodb", "DynamoDB_20120810.PutItem", &request).await.map(drop)
    }

    /// Changes an item that must exist, by an update expression and its values.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn update_item(
        &self,
        table: &str,
        (pk, sk): (&str, &str),
        update: &str,
        values: &Value,
    ) -> Result<()> {
        let mut request = json!({
            "TableName": table,
            "Key": key(pk, sk),
            "UpdateExpression": update,
            "ConditionExpression": "attribute_exists(pk)",
        });
        // Reserved words.
        for word in ["status", "until"].iter().filter(|word| update.contains(&format!("#{word}"))) {
            request["ExpressionAttributeNames"][format!("#{word}")] = json!(word);
        }
        if values.as_object().is_some_and(|values| !values.is_empty()) {
            request["ExpressionAttributeValues"] = attribute(values)["M"].clone();
        }
        self.json("dynamodb", "DynamoDB_20120810.UpdateItem", &request).await.map(drop)
    }

    /// Removes an item.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn delete_item(&self, table: &str, pk: &str, sk: &str) -> Result<()> {
        let request = json!({"TableName": table, "Key": key(pk, sk)});
        self.json("dynamodb", "DynamoDB_20120810.DeleteItem", &request).await.map(drop)
    }

    /// The keys in a bucket that begin with `prefix`.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Result<Vec<String>> {
        let prefix = utf8_percent_encode(prefix, NON_ALPHANUMERIC);
        let uri = format!("{}/?list-type=2&prefix={prefix}", self.bucket(bucket));
        let answer = self.send("s3", Request::get(uri).body(Vec::new())?).await?.expect(200)?;
        Ok(elements(&answer.text(), "Key").map(str::to_owned).collect())
    }

    /// An object, where there is one.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn object(&self, bucket: &str, key: &str) -> Result<Option<Answer>> {
        let uri = format!("{}/{key}", self.bucket(bucket));
        let answer = self.send("s3", Request::get(uri).body(Vec::new())?).await?;
        if answer.status == 404 { Ok(None) } else { answer.expect(200).map(Some) }
    }

    /// Stores an object.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn put_object(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<()> {
        let uri = format!("{}/{key}", self.bucket(bucket));
        self.send("s3", Request::put(uri).body(bytes)?).await?.expect(200).map(drop)
    }

    /// Removes an object.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn delete_object(&self, bucket: &str, key: &str) -> Result<()> {
        let uri = format!("{}/{key}", self.bucket(bucket));
        self.send("s3", Request::delete(uri).body(Vec::new())?).await?.expect(204).map(drop)
    }

    /// Invokes a function and waits for its end.
    ///
    /// # Errors
    /// No answer, or a refusal by Lambda itself. A function's own failure is in the [`Invocation`].
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Invocation> {
        let uri = format!("{}/2015-03-31/functions/{function}/invocations", self.endpoint("lambda"));
        let request = Request::post(uri).body(serde_json::to_vec(event)?)?;
        let answer = self.send("lambda", request).await?.expect(200)?;
        let failed = !answer.header("x-amz-function-error").is_empty();
        let payload = if answer.bytes.is_empty() { Value::Null } else { answer.json(200)? };
        Ok(Invocation { failed, payload })
    }

    /// The configuration of a function.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn function(&self, function: &str) -> Result<Value> {
        let uri = format!("{}/2015-03-31/functions/{function}/configuration", self.endpoint("lambda"));
        self.send("lambda", Request::get(uri).body(Vec::new())?).await?.json(200)
    }

    /// What feeds a function.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn event_sources(&self, function: &str) -> Result<Value> {
        let uri =
            format!("{}/2015-03-31/event-source-mappings?FunctionName={function}", self.endpoint("lambda"));
        self.send("lambda", Request::get(uri).body(Vec::new())?).await?.json(200)
    }

    /// What becomes of a function's asynchronous events that fail.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn event_invoke_config(&self, function: &str) -> Result<Value> {
        let path = format!("2019-09-25/functions/{function}/event-invoke-config?Qualifier=%24LATEST");
        let uri = format!("{}/{path}", self.endpoint);
        self.send("lambda", Request::get(uri).body(Vec::new())?).await?.json(200)
    }

    /// Ends all instances of a function, as a change of its configuration does.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn restart(&self, function: &str) -> Result<()> {
        self.may_change_the_stack()?;
        // The emulator goes by the members that are there rather than by what they change.
        let memory = self.function(function).await?["MemorySize"].take();
        self.configure(function, &json!({"Description": unique("restarted"), "MemorySize": memory})).await
    }

    /// Replaces the environment of a function.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn set_variables(&self, function: &str, variables: &Value) -> Result<()> {
        self.configure(function, &json!({"Environment": {"Variables": variables}})).await
    }

    /// Gives each request of a function so many seconds.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn set_timeout(&self, function: &str, seconds: &Value) -> Result<()> {
        self.configure(function, &json!({"Timeout": seconds})).await
    }

    async fn configure(&self, function: &str, change: &Value) -> Result<()> {
        self.may_change_the_stack()?;
        let uri = format!("{}/2015-03-31/functions/{function}/configuration", self.endpoint("lambda"));
        let request = Request::put(uri).body(serde_json::to_vec(change)?)?;
        self.send("lambda", request).await?.expect(200)?;
        // The emulator may give the next event to an instance that it is ending: to this one, which is none.
        self.invoke(function, &json!({})).await.map(drop)
    }

    /// The attributes of a queue.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn queue_attributes(&self, queue_url: &str) -> Result<Value> {
        let all = json!({"QueueUrl": queue_url, "AttributeNames": ["All"]});
        Ok(self.json("sqs", "AmazonSQS.GetQueueAttributes", &all).await?["Attributes"].take())
    }

    /// Changes attributes of a queue.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn set_queue_attributes(&self, queue_url: &str, attributes: &Value) -> Result<()> {
        self.may_change_the_stack()?;
        let change = json!({"QueueUrl": queue_url, "Attributes": attributes});
        self.json("sqs", "AmazonSQS.SetQueueAttributes", &change).await.map(drop)
    }

    /// Sends a message to a queue.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn send_message(&self, queue_url: &str, body: &Value) -> Result<()> {
        let message = json!({"QueueUrl": queue_url, "MessageBody": body.to_string()});
        self.json("sqs", "AmazonSQS.SendMessage", &message).await.map(drop)
    }

    /// What a resource of a stack's template is called in the account.
    ///
    /// # Errors
    /// A refusal, no answer, or no such resource.
    pub async fn physical_id(&self, stack: &str, resource: &str) -> Result<String> {
        let parameters = [("StackName", stack), ("LogicalResourceId", resource)];
        let xml = self.query("cloudformation", "2010-05-15", "DescribeStackResource", &parameters).await?;
        let id = elements(&xml, "PhysicalResourceId").next().map(str::to_owned);
        id.with_context(|| format!("the stack has no {resource}"))
    }

    /// Creates, updates or deletes a stack, by the name of the operation. `template` is JSON, and not for `DeleteStack`.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn change_stack(&self, operation: &str, stack: &str, template: &str) -> Result<()> {
        let mut parameters = vec![("StackName", stack)];
        if !template.is_empty() {
            parameters.push(("TemplateBody", template));
        }
        self.query("cloudformation", "2010-05-15", operation, &parameters).await.map(drop)
    }

    /// The status of a stack, such as `CREATE_COMPLETE`.
    ///
    /// # Errors
    /// A refusal, no answer, or no such stack.
    pub async fn stack_status(&self, stack: &str) -> Result<String> {
        let xml =
            self.query("cloudformation", "2010-05-15", "DescribeStacks", &[("StackName", stack)]).await?;
        elements(&xml, "StackStatus").next().map(str::to_owned).context("the stack has no status")
    }

    /// What a log group has of a text.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn log_lines(&self, group: &str, text: &str) -> Result<Vec<String>> {
        let request = json!({"logGroupName": group, "filterPattern": format!("\"{text}\"")});
        let answer = self.json("logs", "Logs_20140328.FilterLogEvents", &request).await?;
        let events = answer["events"].as_array().into_iter().flatten();
        Ok(events.filter_map(|event| event["message"].as_str()).map(str::to_owned).collect())
    }

    /// A role's inline policy.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn role_policy(&self, role: &str, policy: &str) -> Result<Value> {
        let answer = self.iam("GetRolePolicy", &[("RoleName", role), ("PolicyName", policy)]).await?;
        let document = elements(&answer, "PolicyDocument").next().context("no policy document")?;
        Ok(serde_json::from_str(&percent_decode_str(document).decode_utf8()?)?)
    }

    /// Replaces a role's inline policy.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn put_role_policy(&self, role: &str, policy: &str, document: &Value) -> Result<()> {
        self.may_change_the_stack()?;
        let document = document.to_string();
        let parameters = [("RoleName", role), ("PolicyName", policy), ("PolicyDocument", &document)];
        self.iam("PutRolePolicy", &parameters).await.map(drop)
    }

    async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        self.query("iam", "2010-05-08", action, parameters).await
    }

    async fn query(
        &self,
        service: &'static str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String> {
        let mut body = format!("Version={version}&Action={action}");
        for (name, value) in parameters {
            body += &format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        let request = Request::post(format!("{}/", self.endpoint(service)))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.into_bytes())?;
        Ok(self.send(service, request).await?.expect(200).with_context(|| action.to_owned())?.text())
    }

    async fn send(&self, service: &'static str, mut request: Request<Vec<u8>>) -> Result<Answer> {
        count(Kind::Service(service));
        let identity = self.credentials.clone().into();
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        if service == "s3" {
            // S3 signs a path as it is sent ("Create a signed AWS API request").
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(settings)
            .build()?
            .into();
        let uri = request.uri().to_string();
        let headers = request
            .headers()
            .iter()
            .filter_map(|(name, value)| value.to_str().ok().map(|value| (name.as_str(), value)));
        let signable = SignableRequest::new(
            request.method().as_str(),
            &uri,
            headers,
            SignableBody::Bytes(request.body()),
        )?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Answer::read(self.http.execute(request.try_into()?).await?).await
    }
}

/// The version of the JSON protocol that a service speaks.
fn json_version(service: &str) -> &'static str {
    if service == "cognito-idp" { "application/x-amz-json-1.1" } else { "application/x-amz-json-1.0" }
}

fn key(pk: &str, sk: &str) -> Value {
    json!({"pk": {"S": pk}, "sk": {"S": sk}})
}

/// Plain JSON as DynamoDB's attribute value.
pub(crate) fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(flag) => json!({"BOOL": flag}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(values) => json!({"L": values.iter().map(attribute).collect::<Vec<_>>()}),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), attribute(value)));
            json!({"M": fields.collect::<Map<_, _>>()})
        }
    }
}

/// DynamoDB's attribute value as plain JSON.
fn plain(attribute: &Value) -> Result<Value> {
    let (kind, value) = attribute.as_object().and_then(|fields| fields.iter().next()).context("no type")?;
    Ok(match (kind.as_str(), value) {
        ("NULL", _) => Value::Null,
        ("BOOL" | "S", value) => value.clone(),
        ("N", Value::String(number)) => serde_json::from_str(number)?,
        ("L", Value::Array(values)) => values.iter().map(plain).collect::<Result<_>>()?,
        ("M", Value::Object(fields)) => fields
            .iter()
            .map(|(name, value)| Ok((name.clone(), plain(value)?)))
            .collect::<Result<Map<_, _>>>()?
            .into(),
        _ => bail!("an attribute of type {kind}"),
    })
}

/// The texts of an XML document's elements of one name. What is read so has no entities.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(&open)?;
        let (text, after) = behind.split_once(&close)?;
        rest = after;
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(endpoint: &str) -> Result<Aws> {
        Ok(Aws {
            http: crate::stack::http_client().build()?,
            endpoint: endpoint.to_owned(),
            region: "eu-west-1".to_owned(),
            credentials: Credentials::new("key", "secret", None, None, "a test"),
            is_remote: true,
        })
    }

    #[test]
    fn aws_itself_has_an_address_for_each_service_and_bucket() -> Result<()> {
        let aws = aws("")?;
        assert_eq!(aws.endpoint("dynamodb"), "https://dynamodb.eu-west-1.amazonaws.com");
        assert_eq!(aws.bucket("pictures"), "https://pictures.s3.eu-west-1.amazonaws.com");
        Ok(())
    }

    #[test]
    fn a_local_stack_has_one_address() -> Result<()> {
        let aws = aws("http://localhost:4566")?;
        assert_eq!(aws.endpoint("dynamodb"), "http://localhost:4566");
        assert_eq!(aws.bucket("pictures"), "http://localhost:4566/pictures");
        Ok(())
    }

    #[tokio::test]
    async fn a_stack_that_is_lent_is_not_changed() -> Result<()> {
        // Nobody listens there: what is refused is refused before anything is sent.
        let aws = aws("http://127.0.0.1:9")?;
        for refused in [
            aws.restart("function").await,
            aws.set_variables("function", &json!({})).await,
            aws.set_timeout("function", &json!(1)).await,
            aws.set_queue_attributes("queue", &json!({})).await,
            aws.put_role_policy("role", "policy", &json!({})).await,
        ] {
            let error = refused.err().context("not refused")?;
            assert!(error.to_string().contains("changes the stack"), "{error:#}");
        }
        Ok(())
    }
}
