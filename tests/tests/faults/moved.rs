//! `cargo xtask move` and `cargo xtask remove`, with the local stack as if it were a remote one

use std::{
    env,
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, Tier, id_of, pictures, unique, until};

use crate::TURN;

fn run(stack: &Stack, arguments: &[&str]) -> Result<Output> {
    let outputs = &stack.outputs;
    let xtask = env::var("DARKROOM_XTASK").context("use `cargo xtask test`, which says where xtask is")?;
    let mut xtask = Command::new(xtask);
    xtask.args(arguments).env("AWS_REGION", &outputs.region).env("AWS_ENDPOINT_URL", &outputs.endpoint_url);
    xtask.env("AWS_ACCESS_KEY_ID", &outputs.access_key).env("AWS_SECRET_ACCESS_KEY", &outputs.secret_key);
    Ok(xtask.env_remove("AWS_SESSION_TOKEN").env_remove("AWS_PROFILE").output()?)
}

fn xtask(stack: &Stack, arguments: &[&str]) -> Result<String> {
    let output = run(stack, arguments)?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(text)
}

/// The data of a deployment without its functions: what CloudFormation retains, and the outputs that name it.
/// `aliases` are those of the user pool.
fn template(aliases: &[&str]) -> Value {
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let table = json!({
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("pk"), attribute("sk")],
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        "DeletionProtectionEnabled": true,
    });
    let bucket = json!({"VersioningConfiguration": {"Status": "Enabled"}});
    let pool = json!({"AutoVerifiedAttributes": ["email"], "AliasAttributes": aliases});
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

async fn deploy(stack: &Stack, name: &str, aliases: &[&str]) -> Result<()> {
    stack.aws.change_stack("CreateStack", name, &template(aliases).to_string()).await?;
    until("the deployment", async || {
        Ok((stack.aws.stack_status(name).await? == "CREATE_COMPLETE").then_some(()))
    })
    .await
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
    deploy(&stack, &target, &[]).await?;
    let of_target = async |name: &str| aws.physical_id(&target, name).await;
    let (table, pool) = (of_target("Table").await?, of_target("Pool").await?);
    let (uploads, derived) = (of_target("Uploads").await?, of_target("Derived").await?);

    // The second run finds the users and files of the first one.
    for _ in 0..2 {
        xtask(&stack, &["move", "--from", &stack.outputs.stack_name, "--to", &target])?;
    }
    let find = json!({"UserPoolId": pool, "Filter": format!("username = \"{}\"", user.username)});
    let found = stack.cognito("ListUsers", &find).await?;
    let copy = &found["Users"][0];
    let sub = value(copy, "sub").context("the user was not copied")?;
    assert_ne!(sub, user.id);
    assert_eq!(value(copy, "email"), Some(user.email.as_str()));
    assert_eq!(value(copy, "email_verified"), Some("true"));

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

/// With `EmailAlias=on`, a confirmed address belongs to one user, and no user name is an address.
#[tokio::test]
async fn users_whose_address_or_name_the_target_refuses_are_told_after_everything_else_is_copied()
-> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let aws = &stack.aws;
    let (source, target) = (unique("source"), unique("target"));
    deploy(&stack, &source, &[]).await?;
    deploy(&stack, &target, &["email"]).await?;
    let pool = aws.physical_id(&source, "Pool").await?;
    let (from, to) = (aws.physical_id(&source, "Table").await?, aws.physical_id(&target, "Table").await?);
    for (name, email) in
        [("ann", "both@example.com"), ("bob", "both@example.com"), ("carl@example.com", "carl@example.com")]
    {
        let attributes =
            json!([{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]);
        let create = json!({
            "UserPoolId": pool, "Username": name, "UserAttributes": attributes, "MessageAction": "SUPPRESS",
        });
        let created = stack.cognito("AdminCreateUser", &create).await?;
        let sub = value(&created["User"], "sub").context("no sub")?;
        aws.put_item(&from, &json!({"pk": format!("USER#{sub}"), "sk": "IMAGE#1", "title": name})).await?;
    }

    // The second run finds the users of the first one, and says the same.
    for _ in 0..2 {
        let moved = run(&stack, &["move", "--from", &source, "--to", &target])?;
        let said = String::from_utf8_lossy(&moved.stderr);
        assert!(!moved.status.success(), "{said}");
        let (before, refused) = said.split_once("but not these users").context("no refused users")?;
        assert!(refused.contains("carl@example.com") && !refused.contains("bob"), "{said}");
        assert!(before.contains("admin-set-user-password`. bob"), "{said}");
    }
    let pool = aws.physical_id(&target, "Pool").await?;
    let list = stack.cognito("ListUsers", &json!({"UserPoolId": pool})).await?;
    let users = list["Users"].as_array().context("no users")?;
    let confirmed = |user: &Value| value(user, "email_verified") == Some("true");
    let of = |name: &str| users.iter().find(|user| user["Username"] == name);
    assert_eq!(users.len(), 2, "{list}");
    assert_eq!((of("ann").map(confirmed), of("bob").map(confirmed)), (Some(true), Some(false)), "{list}");
    for user in users {
        let sub = value(user, "sub").context("no sub")?;
        let item = aws.item(&to, &format!("USER#{sub}"), "IMAGE#1").await?.context("not copied")?;
        assert_eq!(item["title"], user["Username"]);
    }
    for name in [&source, &target] {
        xtask(&stack, &["remove", "--stack-name", name, "--confirm", name])?;
    }
    Ok(())
}

/// The value of an attribute of a user.
fn value<'a>(user: &'a Value, name: &str) -> Option<&'a str> {
    let attributes = user["Attributes"].as_array()?;
    attributes.iter().find(|one| one["Name"] == name)?["Value"].as_str()
}
