//! `workers-setup`: CloudFormation's events, and the responses to them

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{ResponseUrl, Stack, events};

/// The default tiers in the API.
async fn default_tiers(stack: &Stack) -> Result<Vec<Value>> {
    let user = stack.user().await?;
    let mut tiers = Vec::new();
    for id in ["basic", "premium", "enterprise"] {
        tiers.push(user.get(&format!("/api/account-tiers/{id}")).await?.json(200)?);
    }
    Ok(tiers)
}

#[tokio::test]
async fn every_event_is_answered_as_cloudformation_documents_and_changes_no_tier() -> Result<()> {
    let stack = Stack::connect()?;
    let before = default_tiers(&stack).await?;
    for request_type in ["Create", "Update", "Delete"] {
        let response_url = ResponseUrl::start().await?;
        let event = events::setup(request_type, &response_url.address)?;
        stack.invoke("WorkersSetup", &event).await?.ok()?;
        let answer = response_url.answer().await?;
        // "Uploading objects with presigned URLs": a content type that was not signed is refused with 403.
        assert_eq!(answer.content_type.as_deref().unwrap_or_default(), "", "{request_type}");
        assert_eq!(
            answer.body,
            json!({
                "Status": "SUCCESS",
                "PhysicalResourceId": "default-tiers",
                "StackId": event["StackId"],
                "RequestId": event["RequestId"],
                "LogicalResourceId": "DefaultTiers",
                "Data": {},
            }),
            "{request_type}"
        );
    }
    assert_eq!(default_tiers(&stack).await?, before);
    Ok(())
}

#[tokio::test]
async fn the_digest_of_an_environment_changes_with_its_values() -> Result<()> {
    let stack = Stack::connect()?;
    let mut digests = Vec::new();
    for table in ["darkroom", "darkroom", "restored"] {
        let response_url = ResponseUrl::start().await?;
        let mut event = events::setup("Update", &response_url.address)?;
        event["ResourceType"] = json!("Custom::FunctionSettings");
        event["ResourceProperties"] = json!({"Settings": {"All": {"TABLE_NAME": table, "HEIC": ""}}});
        stack.invoke("WorkersSetup", &event).await?.ok()?;
        let answer = response_url.answer().await?.body;
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        digests.push(answer["Data"]["All"].as_str().context("no digest")?.to_owned());
    }
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
    Ok(())
}

#[tokio::test]
async fn properties_that_are_wrong_fail_the_deployment_at_once_and_say_why() -> Result<()> {
    let stack = Stack::connect()?;
    for tiers in [json!(["gold"]), json!("basic"), Value::Null] {
        let response_url = ResponseUrl::start().await?;
        let mut event = events::setup("Update", &response_url.address)?;
        event["ResourceProperties"]["Tiers"] = tiers;
        stack.invoke("WorkersSetup", &event).await?.ok()?;
        let answer = response_url.answer().await?.body;
        assert_eq!(answer["Status"], "FAILED", "{answer}");
        let reason = answer["Reason"].as_str().context("no reason")?;
        assert_eq!(reason, "The property Tiers must be a list of basic, premium and enterprise.");
        // Deleting the stack that failed must work.
        event["RequestType"] = json!("Delete");
        let response_url = ResponseUrl::start().await?;
        event["ResponseURL"] = json!(response_url.address);
        stack.invoke("WorkersSetup", &event).await?.ok()?;
        assert_eq!(response_url.answer().await?.body["Status"], "SUCCESS");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_an_error_so_that_lambda_tries_again() -> Result<()> {
    let stack = Stack::connect()?;
    // Nothing listens there.
    let event = events::setup("Delete", "http://127.0.0.1:9/signed?secret=x")?;
    let invocation = stack.invoke("WorkersSetup", &event).await?;
    assert!(invocation.failed);
    assert!(!invocation.payload.to_string().contains("secret"), "{}", invocation.payload);
    Ok(())
}
