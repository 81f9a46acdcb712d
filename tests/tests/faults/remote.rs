//! `cargo xtask test --stack`, with the local stack as if it were a remote one

use std::{collections::BTreeSet, env, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::Stack;

use crate::TURN;

/// The owners of everything in the table and in the buckets.
async fn owners(stack: &Stack) -> Result<BTreeSet<String>> {
    let outputs = &stack.outputs;
    let mut owners = BTreeSet::new();
    let mut scan = json!({"TableName": outputs.table, "ProjectionExpression": "pk, sk"});
    loop {
        let mut page = stack.aws.json("dynamodb", "DynamoDB_20120810.Scan", &scan).await?;
        for key in page["Items"].as_array().context("no items")? {
            // All tiers are in one partition.
            let is_tier = key["pk"]["S"] == "TIER";
            owners.insert(key[if is_tier { "sk" } else { "pk" }]["S"].to_string());
        }
        match page["LastEvaluatedKey"].take() {
            Value::Null => break,
            key => scan["ExclusiveStartKey"] = key,
        }
    }
    for bucket in [&outputs.uploads_bucket, &outputs.derived_bucket] {
        let keys = stack.aws.keys(bucket, "").await?;
        owners.extend(keys.iter().filter_map(|key| key.split('/').next()).map(str::to_owned));
    }
    Ok(owners)
}

/// The names of users that such runs created.
async fn users(stack: &Stack) -> Result<usize> {
    let list = json!({"UserPoolId": stack.outputs.user_pool_id, "Filter": "username ^= \"e2e-\""});
    let found = stack.aws.json("cognito-idp", "AWSCognitoIdentityProviderService.ListUsers", &list).await?;
    Ok(found["Users"].as_array().context("no list")?.len())
}

#[tokio::test]
async fn a_run_lists_what_it_leaves_out_and_leaves_nothing_behind() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let outputs = &stack.outputs;
    let xtask = env::var("DARKROOM_XTASK").context("use `cargo xtask test`, which says where xtask is")?;
    let before = owners(&stack).await?;

    let mut run = Command::new(xtask);
    run.args(["test", "--stack", &outputs.stack_name, "--region", &outputs.region]);
    // These tests create users, objects and a tier. One needs a mailbox, which a remote stack does not have.
    run.args(["a_photo_goes_up", "who_is_moved_down_keeps", "another_code_confirms_nobody"]);
    run.env("AWS_ENDPOINT_URL", &outputs.endpoint_url);
    run.env("AWS_ACCESS_KEY_ID", &outputs.access_key).env("AWS_SECRET_ACCESS_KEY", &outputs.secret_key);
    let output = run.env_remove("AWS_SESSION_TOKEN").env_remove("AWS_PROFILE").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));

    ensure!(text.contains("2 passed; 0 failed; 1 ignored"), "{text}");
    let (_, left_out) = text.split_once("Left out, and not counted as passed: 1 tests").context("no list")?;
    ensure!(left_out.contains("auth::confirm::another_code_confirms_nobody"), "{text}");
    ensure!(left_out.contains("At list prices they cost about $"), "{text}");

    let left: Vec<_> = owners(&stack).await?.difference(&before).cloned().collect();
    assert_eq!((left, users(&stack).await?), (vec![], 0));
    Ok(())
}
