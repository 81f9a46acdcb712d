//! What a function may do, it needs: with one action less, a request fails that works with it.
//!
//! What is taken away is missed by everybody, so this is a binary of its own, and its tests take turns.

use std::{collections::BTreeSet, sync::LazyLock};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, Tier, User, events, id_of, pictures, until};
use tokio::sync::{Mutex, MutexGuard};

static TURN: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);

/// The policy that template.yaml gives to a function, as it was deployed.
struct Policy {
    stack: Stack,
    function: String,
    role: String,
    name: String,
    document: Value,
    /// What was not taken away yet.
    untested: BTreeSet<String>,
    _turn: MutexGuard<'static, ()>,
}

impl Policy {
    async fn of(stack: &Stack, function: &str) -> Result<Self> {
        let turn = TURN.lock().await;
        // SAM names the first of a function's policies so.
        let name = format!("{function}RolePolicy0");
        let function = stack.resource(function).await?;
        let config = stack.aws.function(&function).await?;
        let role = config["Role"].as_str().context("the function has no role")?;
        let role = role.rsplit('/').next().unwrap_or(role).to_owned();
        let document = stack.aws.role_policy(&role, &name).await?;
        let statements = document["Statement"].as_array().into_iter().flatten();
        let actions = statements.flat_map(|statement| statement["Action"].as_array().into_iter().flatten());
        let untested = actions.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { stack: stack.clone(), function, role, name, document, untested, _turn: turn })
    }

    /// Runs `check` while the function lacks `action`.
    async fn without<T>(&mut self, action: &str, check: impl AsyncFnOnce() -> Result<T>) -> Result<()> {
        self.untested.remove(action);
        let mut document = self.document.clone();
        for statement in document["Statement"].as_array_mut().context("no statements")? {
            let actions = statement["Action"].as_array_mut().context("actions are not a list")?;
            actions.retain(|allowed| allowed != action);
            if actions.is_empty() {
                // A statement must allow something; this is what anybody may do anyway.
                actions.push(json!("sts:GetCallerIdentity"));
            }
        }
        ensure!(document != self.document, "the function has no {action} to lose");
        self.put(&document).await?;
        let outcome = check().await;
        self.put(&self.document).await?;
        outcome.map(drop).with_context(|| format!("without {action}"))
    }

    /// An image's addresses are worth what their signer may do.
    async fn grants_the_pictures(&mut self, image: &Value) -> Result<()> {
        let stack = self.stack.clone();
        for url in [&image["thumbnails"][0]["url"], &image["original_url"]] {
            let url = url.as_str().context("the image has no such address")?;
            self.without("s3:GetObject", async || stack.fetch(url).await?.expect(403)).await?;
            stack.fetch(url).await?.expect(200)?;
        }
        Ok(())
    }

    /// Insists that every action was taken away, and so is needed.
    fn has_nothing_else(self) -> Result<()> {
        ensure!(self.untested.is_empty(), "nothing shows that these are needed: {:?}", self.untested);
        Ok(())
    }

    async fn put(&self, document: &Value) -> Result<()> {
        self.stack.aws.put_role_policy(&self.role, &self.name, document).await
    }
}

fn new_image() -> Value {
    json!({"file_name": "a", "content_type": "image/png", "size": 1000})
}

/// Uploads a picture and waits for the failure that follows when Lambda has given up.
async fn fails_after_retries(user: &User) -> Result<()> {
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    ensure!(image["failure"]["code"] == "processing-failed", "{image}");
    Ok(())
}

async fn becomes_ready(user: &User) -> Result<()> {
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    assert_eq!(image["status"], "ready", "{image}");
    Ok(())
}

#[tokio::test]
async fn create_needs_to_write_records_and_to_grant_the_upload() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "ImagesCreate").await?;
    let user = stack.user_in(Tier::BASIC).await?;
    for action in ["dynamodb:PutItem", "dynamodb:UpdateItem"] {
        let create = async || user.post("/api/images", &new_image()).await?.problem(500, "internal");
        policy.without(action, create).await?;
    }
    // A fresh instance has to read the tier of new users.
    let newcomer = stack.user().await?;
    let function = policy.function.clone();
    let create = async || {
        stack.aws.restart(&function).await?;
        newcomer.post("/api/images", &new_image()).await?.problem(500, "internal")
    };
    policy.without("dynamodb:GetItem", create).await?;
    // An address is worth what its signer may do.
    let picture = pictures::png(64, 64)?;
    let created = user.create("image/png", picture.len()).await?;
    policy
        .without("s3:PutObject", async || stack.put(&created.upload, picture.clone()).await?.expect(403))
        .await?;
    stack.put(&created.upload, picture).await?.expect(200)?;
    policy.has_nothing_else()
}

#[tokio::test]
async fn list_needs_to_query_and_to_grant_the_pictures() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "ImagesList").await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    becomes_ready(&user).await?;
    for action in ["dynamodb:Query", "dynamodb:GetItem"] {
        policy.without(action, async || user.get("/api/images").await?.problem(500, "internal")).await?;
    }
    let page = user.get("/api/images").await?.json(200)?;
    let image = &page["images"][0];
    policy.grants_the_pictures(image).await?;
    policy.has_nothing_else()
}

#[tokio::test]
async fn get_needs_to_read_records_and_to_grant_the_pictures() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "ImagesGet").await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}", id_of(&image)?);
    policy.without("dynamodb:GetItem", async || user.get(&path).await?.problem(500, "internal")).await?;
    policy.grants_the_pictures(&image).await?;
    policy.has_nothing_else()
}

#[tokio::test]
async fn thumbnail_needs_to_read_records_and_to_grant_the_picture() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "ImagesThumbnail").await?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}/thumbnail", id_of(&image)?);
    policy.without("dynamodb:GetItem", async || user.get(&path).await?.problem(500, "internal")).await?;
    let redirect = user.get(&path).await?.expect(302)?;
    let url = redirect.header("location");
    policy.without("s3:GetObject", async || stack.fetch(url).await?.expect(403)).await?;
    stack.fetch(url).await?.expect(200)?;
    policy.has_nothing_else()
}

#[tokio::test]
async fn upload_needs_to_read_records_and_to_grant_the_upload() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "ImagesUpload").await?;
    let user = stack.user().await?;
    let picture = pictures::png(64, 64)?;
    let created = user.create("image/png", picture.len()).await?;
    let path = format!("/api/images/{}/upload", created.id());
    policy
        .without("dynamodb:GetItem", async || user.post_empty(&path).await?.problem(500, "internal"))
        .await?;
    let upload = user.post_empty(&path).await?.json(200)?["upload"].take();
    policy.without("s3:PutObject", async || stack.put(&upload, picture.clone()).await?.expect(403)).await?;
    stack.put(&upload, picture).await?.expect(200)?;
    policy.has_nothing_else()
}

#[tokio::test]
async fn status_needs_to_read_records() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "ImagesStatus").await?;
    let user = stack.user().await?;
    let path = format!("/api/images/{}/status", user.create("image/png", 10).await?.id());
    policy.without("dynamodb:GetItem", async || user.get(&path).await?.problem(500, "internal")).await?;
    user.get(&path).await?.expect(200)?;
    policy.has_nothing_else()
}

#[tokio::test]
async fn delete_needs_to_delete_records() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "ImagesDelete").await?;
    let user = stack.user().await?;
    let path = format!("/api/images/{}", user.create("image/png", 10).await?.id());
    policy
        .without("dynamodb:DeleteItem", async || user.delete(&path).await?.problem(500, "internal"))
        .await?;
    user.delete(&path).await?.expect(204)?;
    policy.has_nothing_else()
}

#[tokio::test]
async fn profile_needs_to_read_the_profile() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "AuthProfile").await?;
    let user = stack.user().await?;
    let path = "/api/auth/profile";
    policy.without("dynamodb:GetItem", async || user.get(path).await?.problem(500, "internal")).await?;
    user.get(path).await?.expect(200)?;
    policy.has_nothing_else()
}

/// And what cannot be developed for a fault on our side is retried, given up, and told to its owner.
#[tokio::test]
async fn the_thumbnail_worker_needs_to_read_store_and_remove_objects_and_to_settle_records() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "WorkersThumbnail").await?;
    let user = stack.user().await?;
    for action in ["s3:GetObject", "s3:PutObject", "dynamodb:UpdateItem", "dynamodb:GetItem"] {
        policy.without(action, async || fails_after_retries(&user).await).await?;
    }
    becomes_ready(&user).await?;
    // What has no record is removed.
    for action in ["s3:ListBucket", "s3:DeleteObject"] {
        let key = user.key("01JZ0000000000000000000000");
        stack.aws.put_object(&stack.outputs.uploads_bucket, &key, pictures::png(64, 64)?).await?;
        user.objects_vanish("01JZ0000000000000000000000").await?;
        let event = events::uploaded([(key.as_str(), "FFFF")])?;
        policy
            .without(action, async || {
                stack.aws.put_object(&stack.outputs.uploads_bucket, &key, b"orphan".to_vec()).await?;
                ensure!(stack.invoke("WorkersThumbnail", &event).await?.failed, "the worker did not mind");
                Ok(())
            })
            .await?;
        stack.invoke("WorkersThumbnail", &event).await?.ok()?;
        user.objects_vanish("01JZ0000000000000000000000").await?;
    }
    policy.has_nothing_else()
}

#[tokio::test]
async fn the_failure_worker_needs_to_change_records() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "WorkersFailed").await?;
    let user = stack.user().await?;
    let created = user.create("image/png", 10).await?;
    let upload = events::uploaded([(user.key(created.id()).as_str(), "A1")])?;
    let given_up = events::given_up(&upload).to_string();
    let event = json!({"Records": [{"messageId": "m", "body": given_up, "eventSource": "aws:sqs"}]});
    policy
        .without("dynamodb:UpdateItem", async || {
            let answer = stack.invoke("WorkersFailed", &event).await?.ok()?;
            ensure!(answer["batchItemFailures"] != json!([]), "the worker did not mind: {answer}");
            Ok(())
        })
        .await?;
    assert_eq!(user.image(created.id()).await?["status"], "pending");
    stack.invoke("WorkersFailed", &event).await?.ok()?;
    assert_eq!(user.image(created.id()).await?["status"], "failed");
    policy.has_nothing_else()
}

#[tokio::test]
async fn the_reclaim_worker_needs_to_find_and_remove_objects_and_to_count() -> Result<()> {
    let stack = Stack::connect()?;
    let mut policy = Policy::of(&stack, "WorkersReclaim").await?;
    for action in ["s3:ListBucket", "s3:DeleteObject", "dynamodb:PutItem", "dynamodb:UpdateItem"] {
        let user = stack.user().await?;
        let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
        let id = id_of(&image)?;
        let event = events::expired(&user, id).await?;
        policy
            .without(action, async || {
                let answer = stack.invoke("WorkersReclaim", &event).await?.ok()?;
                let failures = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
                ensure!(failures == 1, "the worker did not mind: {answer}");
                Ok(())
            })
            .await?;
        // Once it may again, the same event converges.
        user.remove_record(id).await?;
        until("the image to be reclaimed", async || {
            let answer = stack.invoke("WorkersReclaim", &event).await?.ok()?;
            Ok((answer["batchItemFailures"] == json!([])).then_some(()))
        })
        .await?;
        user.objects_vanish(id).await?;
        user.usage_becomes(0, 0).await?;
    }
    policy.has_nothing_else()
}
