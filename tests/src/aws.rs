//! Signed calls to the stack's AWS. Tests use them to read data that the API does not show, and to invoke functions.
//!
//! They do not use the SDK, because building the SDKs of five services takes longer than all tests.

mod functions;
mod lists;
mod objects;
mod stacks;
mod values;

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use http::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{
    Answer, Outputs,
    count::{Kind, count},
};

pub(crate) use values::attribute;
use values::{elements, plain};

/// The stack's AWS. On the local stack the calls are those of the account's root, otherwise they use the caller's
/// credentials.
#[derive(Clone, Debug)]
pub struct Aws {
    http: Client,
    /// Empty for AWS itself.
    endpoint: String,
    region: String,
    credentials: Credentials,
    is_remote: bool,
}

impl Aws {
    pub(crate) fn new(http: Client, outputs: &Outputs) -> Self {
        let Outputs { access_key, secret_key, session_token, endpoint_url, region, .. } = outputs;
        let credentials =
            Credentials::new(access_key, secret_key, session_token.clone(), None, "outputs.json");
        let is_remote = outputs.is_remote;
        Self { http, endpoint: endpoint_url.clone(), region: region.clone(), credentials, is_remote }
    }

    /// The address of a service.
    fn endpoint(&self, service: &str) -> String {
        match (self.endpoint.as_str(), service) {
            // IAM is global and needs signatures for us-east-1. No test calls it on a deployed stack.
            ("", "iam") => "https://iam.amazonaws.com".to_owned(),
            ("", service) => format!("https://{service}.{}.amazonaws.com", self.region),
            (endpoint, _) => endpoint.to_owned(),
        }
    }

    /// The address of a bucket. On AWS each bucket has its own host, as new buckets require ("Virtual hosting of
    /// buckets").
    fn bucket(&self, bucket: &str) -> String {
        match self.endpoint.as_str() {
            "" => format!("https://{bucket}.s3.{}.amazonaws.com", self.region),
            endpoint => format!("{endpoint}/{bucket}"),
        }
    }

    /// Fails if the stack is a deployment, whose resources tests must not change.
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
    /// If AWS refuses it or does not answer.
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
    /// If AWS accepts the request, for example because the stack has no judge. `cargo xtask test` starts one.
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

    /// An item of a table as plain JSON, if it exists.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn item(&self, table: &str, pk: &str, sk: &str) -> Result<Option<Value>> {
        let request = json!({"TableName": table, "Key": key(pk, sk), "ConsistentRead": true});
        let answer = self.json("dynamodb", "DynamoDB_20120810.GetItem", &request).await?;
        answer.get("Item").map(|item| plain(&json!({"M": item}))).transpose()
    }

    /// Writes an item.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn put_item(&self, table: &str, item: &Value) -> Result<()> {
        let request = json!({"TableName": table, "Item": attribute(item)["M"]});
        self.json("dynamodb", "DynamoDB_20120810.PutItem", &request).await.map(drop)
    }

    /// Updates an existing item with an update expression and its values.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
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
        for word in
            ["sets", "shard", "status", "until"].iter().filter(|word| update.contains(&format!("#{word}")))
        {
            request["ExpressionAttributeNames"][format!("#{word}")] = json!(word);
        }
        if values.as_object().is_some_and(|values| !values.is_empty()) {
            request["ExpressionAttributeValues"] = attribute(values)["M"].clone();
        }
        self.json("dynamodb", "DynamoDB_20120810.UpdateItem", &request).await.map(drop)
    }

    /// Deletes an item.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn delete_item(&self, table: &str, pk: &str, sk: &str) -> Result<()> {
        let request = json!({"TableName": table, "Key": key(pk, sk)});
        self.json("dynamodb", "DynamoDB_20120810.DeleteItem", &request).await.map(drop)
    }

    /// The attributes of a queue.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn queue_attributes(&self, queue_url: &str) -> Result<Value> {
        let all = json!({"QueueUrl": queue_url, "AttributeNames": ["All"]});
        Ok(self.json("sqs", "AmazonSQS.GetQueueAttributes", &all).await?["Attributes"].take())
    }

    /// Changes attributes of a queue.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn set_queue_attributes(&self, queue_url: &str, attributes: &Value) -> Result<()> {
        self.may_change_the_stack()?;
        let change = json!({"QueueUrl": queue_url, "Attributes": attributes});
        self.json("sqs", "AmazonSQS.SetQueueAttributes", &change).await.map(drop)
    }

    /// Sends a message to a queue.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn send_message(&self, queue_url: &str, body: &Value) -> Result<()> {
        let message = json!({"QueueUrl": queue_url, "MessageBody": body.to_string()});
        self.json("sqs", "AmazonSQS.SendMessage", &message).await.map(drop)
    }

    /// Deletes all messages of a queue.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn purge_queue(&self, queue_url: &str) -> Result<()> {
        self.may_change_the_stack()?;
        self.json("sqs", "AmazonSQS.PurgeQueue", &json!({"QueueUrl": queue_url})).await.map(drop)
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
            // S3 signs the path without encoding it again ("Create a signed AWS API request").
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

/// The version of a service's JSON protocol.
fn json_version(service: &str) -> &'static str {
    if matches!(service, "cognito-idp" | "events" | "logs") {
        "application/x-amz-json-1.1"
    } else {
        "application/x-amz-json-1.0"
    }
}

fn key(pk: &str, sk: &str) -> Value {
    json!({"pk": {"S": pk}, "sk": {"S": sk}})
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
        // Nothing listens there: the calls must fail before they send anything.
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
