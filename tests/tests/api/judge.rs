//! The judge in front of the emulator refuses what AWS would refuse.

use anyhow::Result;
use http::Request;
use serde_json::{Value, json};
use tests::Stack;

/// An update of an item that does not exist.
fn update(stack: &Stack, expression: &str) -> Value {
    json!({
        "TableName": stack.outputs.table,
        "Key": {"pk": {"S": "nobody"}, "sk": {"S": "nothing"}},
        "UpdateExpression": expression,
        "ExpressionAttributeNames": {"#bytes": "bytes"},
        "ExpressionAttributeValues": {":more": {"N": "2"}, ":less": {"N": "1"}},
    })
}

#[tokio::test]
#[ignore = "needs the local stack: the judge belongs to its emulator"]
async fn dynamodbs_grammar_keys_and_indexes_are_those_of_aws() -> Result<()> {
    let stack = Stack::connect()?;
    let two_operators = update(&stack, "SET #bytes = #bytes + :more - :less");
    let in_transaction = json!({"TransactItems": [{"Update": two_operators}]});
    let mut half_a_key = update(&stack, "SET #bytes = :more, more = :less");
    half_a_key["Key"] = json!({"pk": {"S": "nobody"}});
    let no_index = json!({
        "TableName": stack.outputs.table,
        "IndexName": "by_nothing",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "nobody"}},
    });
    for (operation, request, reason) in [
        ("UpdateItem", &two_operators, "Invalid UpdateExpression: Syntax error"),
        ("TransactWriteItems", &in_transaction, "Invalid UpdateExpression: Syntax error"),
        ("UpdateItem", &half_a_key, "The provided key element does not match the schema"),
        ("Query", &no_index, "The table does not have the specified index: by_nothing"),
    ] {
        let target = format!("DynamoDB_20120810.{operation}");
        let refusal =
            stack.aws.refused("dynamodb", Request::post("/").header("x-amz-target", target), request).await?;
        assert!(
            refusal.contains("ValidationException") && refusal.contains(reason),
            "{operation}: {refusal}"
        );
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: the judge belongs to its emulator"]
async fn members_are_within_the_bounds_of_awss_models() -> Result<()> {
    let stack = Stack::connect()?;
    let sign_up = |username: &str| json!({"ClientId": "a", "Username": username, "Password": "Passw0rd1"});
    let long = "a".repeat(129);
    let queue = json!({"QueueUrl": "http://localhost/queue"});
    let bucket = format!("/{}/key", stack.outputs.uploads_bucket);
    let function = "/2015-03-31/functions/nobody/invocations";
    let target = |target: &str| Request::post("/").header("x-amz-target", target);
    let sign_ups = || target("AWSCognitoIdentityProviderService.SignUp");
    for (service, request, body, reason) in [
        ("cognito-idp", sign_ups(), sign_up(&long), "'Username'.*less than or equal to 128"),
        ("cognito-idp", sign_ups(), sign_up("a b"), "'Username'.*regular expression"),
        ("cognito-idp", sign_ups(), json!({"ClientId": "a", "Username": "a", "Mail": "a"}), "no member Mail"),
        ("sqs", target("AmazonSQS.SendMessage"), queue, "MessageBody must not be null"),
        (
            "secretsmanager",
            target("secretsmanager.GetSecretValue"),
            json!({"SecretId": ""}),
            "SecretId.*equal to 1",
        ),
        ("s3", Request::put(&bucket).header("x-amz-acl", "nobody"), json!({}), "ACL.*enum value set"),
        (
            "lambda",
            Request::post(function).header("x-amz-invocation-type", "Later"),
            json!({}),
            "enum value set",
        ),
    ] {
        let refusal = stack.aws.refused(service, request, &body).await?;
        let is_so = reason.split(".*").all(|part| refusal.contains(part));
        assert!(is_so, "{service}: {refusal} is not about {reason}");
    }
    Ok(())
}
