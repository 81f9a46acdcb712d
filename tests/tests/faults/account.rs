//! The end of an account while its worker is killed, and while everything is on its way

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Plan, Stack, Tier, User, events, id_of, pictures, send, until};

use crate::{
    COGNITO, DYNAMODB, S3, TURN, astray,
    killed::kill,
    proxy::{Fault, Proxy},
};

const NUMBER: &str = "+4915123456789";

async fn request_deletion(user: &User) -> Result<()> {
    let request = user.request(Method::DELETE, "/api/auth/account");
    send(request.json(&json!({"password": user.password}))).await?.expect(202).map(drop)
}

/// A user with an item of every kind, and with a copy in Dropbox.
async fn user_with_everything(stack: &Stack, plan: &Plan) -> Result<User> {
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let links = format!("/api/images/{}/links", id_of(&image)?);
    user.post(&links, &json!({"expires_in": 300})).await?.expect(201)?;
    user.fill(&user.create_set().await?, "image1", "image/png", 10).await?.expect(201)?;
    let name = plan.file_name(".png");
    let id = user.upload_for_phone(NUMBER, &name, "image/png", pictures::png(64, 64)?).await?;
    user.mirrored(&id).await?;
    Ok(user)
}

/// The message about the only job that deletes an account.
async fn message(user: &User) -> Result<Option<Value>> {
    let pk = format!("USER#{}", user.id);
    let items = user.stack.aws.partition(&user.stack.outputs.table, &pk).await?;
    let job = items.into_iter().find(|item| item["task"] == "delete_account");
    let Some(job) = job else { return Ok(None) };
    let (id, is_claimed) = (job["id"].as_str().context("no id")?, !job["lease"].is_null());
    if is_claimed {
        // As after the time for which the killed worker had claimed it.
        user.change_job(id, "REMOVE lease", json!({})).await?;
    }
    Ok(Some(events::messages([("m", json!({"user": user.id, "job": id}).to_string())])))
}

/// The calls at which the worker is killed, in an order in which each call still comes.
const CALLS: [(&str, &str); 9] = [
    (COGNITO, "AdminGetUser"),
    (COGNITO, "AdminDisableUser"),
    (DYNAMODB, "Query"),
    // It deletes the image with a copy in Dropbox.
    (DYNAMODB, "TransactWriteItems"),
    (DYNAMODB, "DeleteItem"),
    (S3, "GET"),
    (S3, "POST"),
    // The tombstone.
    (DYNAMODB, "PutItem"),
    (COGNITO, "AdminDeleteUser"),
];

#[tokio::test]
async fn an_account_ends_although_its_worker_is_killed_at_every_call() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let plan = Plan::new()?;
    let user = user_with_everything(&stack, &plan).await?;
    let endpoint = &stack.outputs.endpoint_url;
    let mut is_requested = false;
    // The transaction at the end deletes the job.
    for (service, operation) in CALLS.into_iter().chain([(DYNAMODB, "TransactWriteItems")]) {
        // Before the call has any effect, and after it had its effect.
        for fault in [Fault::Silence, Fault::Unheard] {
            // A file that no image has, so that there is always something to delete.
            let key = format!("{}/orphan", user.id);
            stack.aws.put_object(&stack.outputs.derived_bucket, &key, vec![0]).await?;
            let proxy = Proxy::start(endpoint, operation, fault, usize::MAX).await?;
            astray(&stack, "WorkersDeleteAccount", (service, &proxy.address), async || {
                let killed = async {
                    until(operation, async || Ok((proxy.calls() > 0).then_some(()))).await?;
                    if fault == Fault::Unheard {
                        until("its effect", async || Ok((!proxy.forwarded().is_empty()).then_some(())))
                            .await?;
                    }
                    kill(&stack, "WorkersDeleteAccount").await
                };
                if is_requested {
                    let Some(message) = message(&user).await? else {
                        // The last transaction had its effect.
                        return Ok(());
                    };
                    let (_, killed) = tokio::join!(stack.invoke("WorkersDeleteAccount", &message), killed);
                    killed
                } else {
                    is_requested = true;
                    request_deletion(&user).await?;
                    killed.await
                }
            })
            .await
            .with_context(|| format!("{operation}, {fault:?}"))?;
        }
    }
    // The job is gone with the last transaction. Whatever is left now stays.
    ensure!(message(&user).await?.is_none(), "the job still exists");
    stack.aws.delete_object(&stack.outputs.derived_bucket, &format!("{}/orphan", user.id)).await?;
    user.only_the_tombstone_remains().await?;
    assert_eq!(plan.files().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn an_account_ends_while_uploads_jobs_and_copies_are_on_their_way() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let slow = json!([{"seconds": 3}]);
    let (analysis, edit) =
        (Plan::new()?.answers(slow.clone()).await?, Plan::new()?.answers(slow.clone()).await?);
    let copy = Plan::new()?.answers(slow).await?;
    let picture = || pictures::png(64, 64);

    let ready = user.upload_and_develop("image/png", picture()?).await?;
    let path = format!("/api/images/{}", id_of(&ready)?);
    // A file that has not arrived, one that is being sent, and one that is being developed.
    let late = user.create("image/png", picture()?.len()).await?;
    let replacement = user.replace(id_of(&ready)?, "image/png", picture()?.len()).await?;
    user.upload_for_phone(NUMBER, &copy.file_name(".png"), "image/png", picture()?).await?;
    until("the copy to begin", async || Ok((!copy.calls().await?.is_empty()).then_some(()))).await?;
    user.post(&format!("{path}/analysis"), &json!({"prompt": analysis.prompt()})).await?.expect(202)?;
    user.post(&format!("{path}/edits"), &json!({"prompt": edit.prompt()})).await?.expect(202)?;
    for plan in [&analysis, &edit] {
        until("the model to be asked", async || Ok((!plan.calls().await?.is_empty()).then_some(()))).await?;
    }
    let large = pictures::png(2000, 2000)?;
    user.upload("image/png", large).await?;

    request_deletion(&user).await?;
    stack.put(&late.upload, picture()?).await?.expect(200)?;
    stack.put(&replacement.upload, picture()?).await?.expect(200)?;
    user.only_the_tombstone_remains().await?;
    // What the providers answer now comes too late.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    user.only_the_tombstone_remains().await?;
    assert_eq!(copy.files().await?.len(), 0);
    Ok(())
}

/// The list of users does not contain a user yet who exists (Amazon Cognito API Reference, "ListUsers").
const LISTS_NOBODY: Fault = Fault::Answer(200, r#"{"Users":[]}"#);

/// Runs `work` while the list of users lacks all users for the first `times` requests of the worker.
async fn unlisted<T>(stack: &Stack, times: usize, work: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    let proxy = Proxy::start(&stack.outputs.endpoint_url, "ListUsers", LISTS_NOBODY, times).await?;
    astray(stack, "WorkersDeleteAccount", (COGNITO, &proxy.address), work).await
}

#[tokio::test]
async fn a_user_whom_the_pool_does_not_list_for_a_moment_keeps_the_account() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.create("image/png", 10).await?;
    let check_users = async || stack.invoke("WorkersDeleteAccount", &json!({"prefix": user.id})).await?.ok();
    let missing = json!({"users": 1, "missing": 1, "requested": 0});
    let found = json!({"users": 1, "missing": 0, "requested": 0});
    let earlier = async || {
        let values = json!({":earlier": "2026-03-12T19:03:58Z"});
        user.change_profile("SET missing_since = :earlier", values).await
    };

    assert_eq!(unlisted(&stack, 1, async || check_users().await).await?, missing);
    earlier().await?;
    assert_eq!(check_users().await?, found);
    // The next miss is the first one again.
    assert_eq!(unlisted(&stack, 1, async || check_users().await).await?, missing);

    // The run misses the user again, but the job finds the user.
    earlier().await?;
    let requested = unlisted(&stack, 1, async || check_users().await).await?;
    assert_eq!(requested, json!({"users": 1, "missing": 1, "requested": 1}));
    until("the job to end", async || Ok((!user.has_jobs().await?).then_some(()))).await?;
    let profile = user.item("PROFILE").await?.context("no profile")?;
    assert_eq!((profile.get("missing_since"), profile.get("deleting_since")), (None, None));
    user.get(&format!("/api/images/{}", image.id())).await?.expect(200)?;
    user.create("image/png", 10).await?;
    Ok(())
}

#[tokio::test]
async fn a_job_without_a_name_waits_until_the_pool_lists_the_user() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    // The id of the job shows that it was added now. An earlier release stored no name.
    let id = user.create("image/png", 10).await?.id().to_owned();
    unlisted(&stack, 2, async || {
        user.put_job(&id, json!({"task": "delete_account", "attempts": 0})).await?;
        user.only_the_tombstone_remains().await
    })
    .await
}

#[tokio::test]
async fn a_table_of_another_pool_is_left_alone() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    user.create("image/png", 10).await?;
    let check_users = async || stack.invoke("WorkersDeleteAccount", &json!({"prefix": user.id})).await?.ok();
    // The first look notes the pool of the table.
    assert_eq!(check_users().await?, json!({"users": 1, "missing": 0, "requested": 0}));
    let other = ("USER_POOL_ID", "us-east-1_other");
    let checked = astray(&stack, "WorkersDeleteAccount", other, check_users).await?;
    assert_eq!(checked, json!({"users": 0, "missing": 0, "requested": 0}));
    assert_eq!(user.item("PROFILE").await?.context("no profile")?.get("missing_since"), None);
    Ok(())
}
