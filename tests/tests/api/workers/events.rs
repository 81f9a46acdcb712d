//! `workers-events`: tells other programs about changes, on the EventBridge bus

use std::io::Write;

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use jsonschema::validator_for;
use rawzip::ZipArchiveWriter;
use serde_json::{Value, json};
use tests::{
    Plan, Received, Receiver, Stack, Tier, User, events, id_of, pictures, read_event, unique, until,
};

/// A rule of the bus whose target is a function. The function sends the events of one user on to the test.
struct Rule {
    receiver: Receiver,
}

impl Rule {
    async fn of(user: &User) -> Result<Self> {
        let (aws, receiver, name) = (&user.stack.aws, Receiver::start([204]).await?, unique("events"));
        let role = aws.function(&user.stack.resource("WorkersEvents").await?).await?["Role"].take();
        let function = json!({
            "FunctionName": name, "Role": role, "Runtime": "python3.13", "Handler": "send_on.handler",
            "Timeout": 10, "Code": {"ZipFile": package("send_on.py", include_str!("../../../src/send_on.py"))?},
            "Environment": {"Variables": {"RECEIVER": receiver.url}},
        });
        let arn = aws.create_function(&function).await?["FunctionArn"].take();
        aws.let_rules_invoke(&name).await?;
        let bus = user.stack.resource("EventBus").await?;
        let pattern = json!({"source": ["darkroom"], "detail": {"data": {"user": [user.id]}}});
        let rule = json!({"Name": name, "EventBusName": bus, "EventPattern": pattern.to_string()});
        aws.json("events", "AWSEvents.PutRule", &rule).await?;
        let targets = json!({"Rule": name, "EventBusName": bus, "Targets": [{"Id": "function", "Arn": arn}]});
        aws.json("events", "AWSEvents.PutTargets", &targets).await?;
        Ok(Self { receiver })
    }

    /// Waits for an event of each of these types, and returns them in this order.
    async fn receives(&self, types: &[&str]) -> Result<Vec<Value>> {
        until("the events", async || {
            let received = self.receiver.received();
            let received = received.iter().map(Received::event).collect::<Result<Vec<Value>>>()?;
            let find = |kind: &&str| received.iter().find(|event| event["detail-type"] == **kind).cloned();
            Ok(types.iter().map(find).collect::<Option<Vec<_>>>())
        })
        .await
    }
}

/// The code of a function, which is one file, as "CreateFunction" expects it.
fn package(name: &str, content: &str) -> Result<String> {
    let mut zip = ZipArchiveWriter::new(Vec::new());
    let (mut entry, config) = zip.new_file(name).start()?;
    let mut writer = config.wrap(&mut entry);
    writer.write_all(content.as_bytes())?;
    let (_, descriptor) = writer.finish()?;
    entry.finish(descriptor)?;
    Ok(BASE64_STANDARD.encode(zip.finish()?))
}

/// Checks the envelope of an event, which the package of CloudEvents reads too, and returns its data.
fn data(event: &Value) -> Result<&Value> {
    let schema: Value = serde_json::from_str(include_str!("../../../../docs/event.schema.json"))?;
    let detail = &event["detail"];
    let errors: Vec<String> =
        validator_for(&schema)?.iter_errors(detail).map(|error| error.to_string()).collect();
    ensure!(errors.is_empty(), "{errors:?}: {detail}");
    ensure!(detail["type"] == event["detail-type"], "{event}");
    ensure!(event["resources"] == json!([detail["subject"]]), "{event}");
    let read = read_event(detail)?;
    for name in ["id", "type", "source", "subject", "sequence", "data"] {
        ensure!(read[name] == detail[name], "{name}: {read}");
    }
    Ok(&detail["data"])
}

#[test]
fn the_examples_have_the_form_of_the_schema_and_show_every_type_of_the_bus() -> Result<()> {
    let examples: Vec<Value> = serde_json::from_str(events::EMITTED)?;
    let mut types = Vec::new();
    for example in &examples {
        data(example)?;
        types.push(example["detail-type"].clone());
    }
    let schema: Value = serde_json::from_str(include_str!("../../../../docs/event.schema.json"))?;
    let mut all = schema["properties"]["type"]["enum"].as_array().context("no types")?.clone();
    // A test is for one webhook, and not on the bus.
    all.retain(|kind| kind != "webhook.test");
    assert_eq!(types, all);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it adds a rule to the bus"]
async fn a_function_receives_the_changes_of_images() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let rule = Rule::of(&user).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 32)?).await?;
    let id = id_of(&image)?;
    let replacement = user.replace(id, "image/png", pictures::png(32, 32)?.len()).await?;
    stack.put(&replacement.upload, pictures::png(32, 32)?).await?.expect(200)?;
    let replaced = rule.receives(&["image.created", "image.ready", "image.replaced"]).await?;
    ensure!(data(&replaced[0])?["image"]["status"] == "pending");
    let ready = &data(&replaced[1])?["image"];
    ensure!(
        (&ready["id"], &ready["width"], &ready["height"]) == (&json!(id), &json!(64), &json!(32)),
        "{ready}"
    );
    ensure!(data(&replaced[2])?["image"]["version"] == 2);
    // The order of the events of one image is that of their sequences.
    let sequences: Vec<&str> =
        replaced.iter().filter_map(|event| event["detail"]["sequence"].as_str()).collect();
    ensure!(sequences.is_sorted() && sequences.len() == 3, "{sequences:?}");
    let broken = user.upload("image/png", b"no picture".to_vec()).await?;
    user.developed(&broken).await?;
    user.delete(&format!("/api/images/{broken}")).await?.expect(204)?;
    let rest = rule.receives(&["image.failed", "image.deleted"]).await?;
    ensure!(data(&rest[0])?["image"]["failure"]["code"] == "not-an-image", "{rest:?}");
    ensure!(data(&rest[1])?["reason"] == "deleted", "{rest:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its providers are stand-ins"]
async fn a_function_receives_the_results_of_jobs_and_the_end_of_an_account() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let rule = Rule::of(&user).await?;
    let (plan, picture) = (Plan::new()?, pictures::png(64, 64)?);
    let id = user.upload_for_phone("+4930901820", &plan.file_name(".png"), "image/png", picture).await?;
    user.mirrored(&id).await?;
    user.post(&format!("/api/images/{id}/analysis"), &json!({"prompt": plan.prompt()})).await?.expect(202)?;
    user.post(&format!("/api/images/{id}/edits"), &json!({"prompt": plan.prompt()})).await?.expect(202)?;
    let ended = rule.receives(&["dropbox.completed", "analysis.completed", "edit.completed"]).await?;
    for event in &ended {
        ensure!(data(event)?["result"]["status"] == "done", "{event}");
    }
    ensure!(data(&ended[2])?["image"]["source_image_id"] == id, "{ended:?}");
    user.delete_with("/api/auth/account", &json!({"password": user.password})).await?.expect(202)?;
    let gone = rule.receives(&["account.deleted"]).await?;
    ensure!(data(&gone[0])?["user"] == user.id.as_str(), "{gone:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it adds a rule to the bus"]
async fn a_function_receives_that_a_webhook_was_disabled() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, receiver) = (stack.user().await?, Receiver::start([410]).await?);
    let rule = Rule::of(&user).await?;
    user.post("/api/webhooks", &json!({"url": receiver.url})).await?.expect(201)?;
    user.create("image/png", 10).await?;
    let disabled = rule.receives(&["webhook.disabled"]).await?;
    ensure!(data(&disabled[0])?["webhook"]["url"] == receiver.url.as_str(), "{disabled:?}");
    Ok(())
}
