//! `cargo xtask move` and `cargo xtask remove`, with the local stack as if it were a remote one

use std::{env, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, Tier, id_of, pictures, unique, until};

use crate::TURN;

fn xtask(stack: &Stack, arguments: &[&str]) -> Result<String> {
    let outputs = &stack.outputs;
    let xtask = env::var("DARKROOM_XTASK").context("use `cargo xtask test`, which says where xtask is")?;
    let mut xtask = Command::new(xtask);
    xtask.args(arguments).env("AWS_REGION", &outputs.region).env("AWS_ENDPOINT_URL", &outputs.endpoint_url);
    xtask.env("AWS_ACCESS_KEY_ID", &outputs.access_key).env("AWS_SECRET_ACCESS_KEY", &outputs.secret_key);
    let output = xtask.env_remove("AWS_SESSION_TOKEN").env_remove("AWS_PROFILE").output()?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(text)
}

/// The data of a deployment without its functions: what CloudFormation retains, and the outputs that name it.
fn template() -> Value {
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let table = json!({
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("pk"), attribute("sk")],
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        "DeletionProtectionEnabled": true,
    });
    let bucket = json!({"VersioningConfiguration": {"Status": "Enabled"}});
    let pool = json!({"AutoVerifiedAttributes": ["email"]});
    let group = json!({"UserPoolId": {"Ref": "Pool"}, "GroupName": "admin"});
    let retained = |kind: &str, properties: Value| json!({"Type": kind, "DeletionPolicy": "Retain", "Properties": properties});
    let reference = |name: &str| json!({"Value": {"Ref": name}});
    json!({
        "Resources": {
            "Table": retained("AWS::DynamoDB::Table", table),
            "Uploads": retained("AWS::S3::Bucket", bucket.clone()),
            "Derived": retained("AWS::S3::Bucket", bucket),
            "Pool": retained("AWS::Cognito::UserPool", pool),
            "Group": {"Type": "AWS::Cognito::UserPoolGroup", "Properties": group},
        },
        "Outputs": {
            "TableName": reference("Table"),
            "UploadsBucket": reference("Uploads"),
            "DerivedBucket": reference("Derived"),
            "UserPoolId": reference("Pool"),
        },
    })
}

#[tokio::test]
async fn data_moves_to_another_deployment_and_a_removed_one_leaves_nothing() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let aws = &stack.aws;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    let (originals, thumbnails) = user.objects(id).await?;

    let target = unique("target");
    aws.change_stack("CreateStack", &target, &template().to_string()).await?;
    until("the target", async || Ok((aws.stack_status(&target).await? == "CREATE_COMPLETE").then_some(())))
        .await?;
    let of_target = async |name: &str| aws.physical_id(&target, name).await;
    let (table, pool) = (of_target("Table").await?, of_target("Pool").await?);
    let (uploads, derived) = (of_target("Uploads").await?, of_target("Derived").await?);

    // The second run finds the users and files of the first one.
    for _ in 0..2 {
        xtask(&stack, &["move", "--from", &stack.outputs.stack_name, "--to", &target])?;
    }
    let find = json!({"UserPoolId": pool, "Filter": format!("username = \"{}\"", user.username)});
    let found = stack.cognito("ListUsers", &find).await?;
    let attributes = found["Users"][0]["Attributes"].as_array().context("the user was not copied")?;
    let value =
        |name: &str| attributes.iter().find(|one| one["Name"] == name).map(|one| one["Value"].clone());
    let sub = value("sub").context("no sub")?;
    let sub = sub.as_str().context("no sub")?;
    assert_ne!(sub, user.id);
    assert_eq!((value("email"), value("email_verified")), (Some(json!(user.email)), Some(json!("true"))));

    let (pk, sk) = (format!("USER#{sub}"), format!("IMAGE#{id}"));
    let copy = aws.item(&table, &pk, &sk).await?.context("the image was not copied")?;
    let mut original = user.item(&sk).await?.context("the image is gone")?;
    original["pk"] = json!(pk);
    assert_eq!(copy, original);
    let renamed = |keys: Vec<String>| keys.iter().map(|key| key.replace(&user.id, sub)).collect::<Vec<_>>();
    let copied = async |bucket: &str| aws.keys(bucket, &format!("{sub}/{id}/")).await;
    assert_eq!((copied(&uploads).await?, copied(&derived).await?), (renamed(originals), renamed(thumbnails)));
    assert!(aws.item(&table, "POOL", "POOL").await?.is_none());

    let plan = xtask(&stack, &["remove", "--stack-name", &target])?;
    assert!([&table, &pool, &uploads, &derived].iter().all(|name| plan.contains(*name)), "{plan}");
    assert!(aws.item(&table, &pk, &sk).await?.is_some(), "removed without --confirm");
    xtask(&stack, &["remove", "--stack-name", &target, "--confirm", &target])?;
    let pools = stack.cognito("ListUserPools", &json!({"MaxResults": 60})).await?.to_string();
    let tables = aws.json("dynamodb", "DynamoDB_20120810.ListTables", &json!({})).await?.to_string();
    assert!(!pools.contains(&pool) && !tables.contains(&table), "{pools} {tables}");
    for bucket in [&uploads, &derived] {
        assert!(aws.keys(bucket, "").await.is_err(), "{bucket} still exists");
    }
    // The other deployment is as before.
    user.get(&format!("/api/images/{id}")).await?.expect(200).map(drop)
}
