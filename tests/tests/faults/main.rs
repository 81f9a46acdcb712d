//! What users see while DynamoDB, S3 or Cognito throttles or is down: a retry that they do not notice, or a clear
//! answer in time.
//!
//! The tests redirect functions, which would disturb other tests. So this is a separate binary, and its tests run one
//! after the other.

// Only Linux shows the running processes in /proc.
#[cfg(target_os = "linux")]
mod account;
mod admins;
mod ai;
mod alarms;
mod calls;
mod dropbox;
// Only Linux shows the running processes in /proc.
#[cfg(target_os = "linux")]
mod killed;
mod moved;
mod proxy;
mod rates;
mod redrive;
mod remote;
mod second_factor;
mod setup;
mod stream;
mod traces;
mod uploads;
mod webhooks;

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Stack, User, id_of, pictures, unique};
use tokio::{net::TcpListener, sync::Mutex};

use proxy::{Fault, Proxy};

static TURN: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);

/// The longest time that a client may wait: Lambda's limit, including the start of a function.
const PATIENCE: Duration = Duration::from_secs(11);

const DYNAMODB: &str = "AWS_ENDPOINT_URL_DYNAMODB";
const S3: &str = "AWS_ENDPOINT_URL_S3";
const COGNITO: &str = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER";

/// Runs `work` while a variable of a function has another value.
async fn astray<T>(
    stack: &Stack,
    function: &str,
    variable: (&str, &str),
    work: impl AsyncFnOnce() -> Result<T>,
) -> Result<T> {
    stack.with_variable(function, variable, work).await
}

/// Requires a timely 503 with a `retry-after`.
fn is_unavailable(answer: Answer, since: Instant) -> Result<()> {
    ensure!(since.elapsed() < PATIENCE, "it took {:?}", since.elapsed());
    ensure!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{answer:?}");
    answer.problem(503, "unavailable").map(drop)
}

async fn image(user: &User) -> Result<String> {
    Ok(format!("/api/images/{}", user.create("image/png", 10).await?.id()))
}

/// An address on which nothing listens.
async fn nobody() -> Result<String> {
    Ok(format!("http://{}", TcpListener::bind("127.0.0.1:0").await?.local_addr()?))
}

fn new_image() -> Value {
    json!({"file_name": "a", "content_type": "image/png", "size": 10})
}

#[tokio::test]
async fn a_read_that_is_throttled_for_a_moment_is_tried_again() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = image(&user).await?;
    for fault in [Fault::DYNAMODB_THROTTLES, Fault::BROKEN] {
        let proxy = Proxy::start(&stack.outputs.endpoint_url, "GetItem", fault, 2).await?;
        let address = (DYNAMODB, proxy.address.as_str());
        let status = format!("{path}/status");
        astray(&stack, "ImagesStatus", address, async || user.get(&status).await?.expect(200)).await?;
        assert_eq!(proxy.calls(), 3, "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_read_that_stays_throttled_is_answered_with_503_in_time() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let status = format!("{}/status", image(&user).await?);
    for fault in [Fault::DYNAMODB_THROTTLES, Fault::BROKEN, Fault::Silence] {
        let proxy = Proxy::start(&stack.outputs.endpoint_url, "GetItem", fault, usize::MAX).await?;
        let address = (DYNAMODB, proxy.address.as_str());
        astray(&stack, "ImagesStatus", address, async || {
            let start = Instant::now();
            is_unavailable(user.get(&status).await?, start)
        })
        .await?;
        assert_eq!(proxy.calls(), 3, "{fault:?}");
    }
    user.get(&status).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_write_that_is_throttled_for_a_moment_is_made_once() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    image(&user).await?;
    let proxy =
        Proxy::start(&stack.outputs.endpoint_url, "TransactWriteItems", Fault::DYNAMODB_THROTTLES, 2).await?;
    let address = (DYNAMODB, proxy.address.as_str());
    astray(&stack, "ImagesCreate", address, async || {
        user.post("/api/images", &new_image()).await?.expect(201)
    })
    .await?;
    assert_eq!(user.usage().await?, (2, 20));
    Ok(())
}

#[tokio::test]
async fn a_write_that_meets_a_transaction_is_tried_again_and_then_put_off() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = image(&user).await?;
    // A change of a text is a transaction, because the search has the words of the text.
    let body = json!({"focal_point": {"x": 0.5, "y": 0.25}});
    let conflicts = async |times: usize| {
        Proxy::start(&stack.outputs.endpoint_url, "UpdateItem", Fault::CONFLICT, times).await
    };
    let proxy = conflicts(2).await?;
    astray(&stack, "ImagesUpdate", (DYNAMODB, &proxy.address), async || {
        user.patch(&path, &body).await?.expect(200)
    })
    .await?;
    let proxy = conflicts(usize::MAX).await?;
    astray(&stack, "ImagesUpdate", (DYNAMODB, &proxy.address), async || {
        let start = Instant::now();
        is_unavailable(user.patch(&path, &body).await?, start)
    })
    .await
}

#[tokio::test]
async fn a_transaction_that_meets_another_is_tried_again_and_then_put_off() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    image(&user).await?;
    let conflicts = async |times: usize| {
        let fault = Fault::TRANSACTION_CONFLICT;
        Proxy::start(&stack.outputs.endpoint_url, "TransactWriteItems", fault, times).await
    };
    let proxy = conflicts(4).await?;
    astray(&stack, "ImagesCreate", (DYNAMODB, &proxy.address), async || {
        user.post("/api/images", &new_image()).await?.expect(201)
    })
    .await?;
    assert_eq!((proxy.calls(), user.usage().await?), (5, (2, 20)));
    let proxy = conflicts(usize::MAX).await?;
    astray(&stack, "ImagesCreate", (DYNAMODB, &proxy.address), async || {
        let start = Instant::now();
        is_unavailable(user.post("/api/images", &new_image()).await?, start)
    })
    .await?;
    assert_eq!(user.usage().await?, (2, 20));
    Ok(())
}

#[tokio::test]
async fn an_image_that_an_index_still_shows_is_not_brought_back() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (user, admin) = (stack.user().await?, stack.admin().await?);
    let created = user.create("image/png", 10).await?;
    let path = format!("/api/admin/images/{}", created.id());
    let proxy = Proxy::start(&stack.outputs.endpoint_url, "Query", Fault::Outdated, usize::MAX).await?;
    astray(&stack, "AdminImagesUpdate", (DYNAMODB, &proxy.address), async || {
        admin.patch(&path, &json!({"title": "Seen"})).await?.expect(200)?;
        user.delete(&format!("/api/images/{}?permanent=true", created.id())).await?.expect(204)?;
        admin.patch(&path, &json!({"title": "Gone"})).await?.problem(404, "not-found")
    })
    .await?;
    assert_eq!((proxy.calls(), user.record(created.id()).await?), (2, None));
    Ok(())
}

#[tokio::test]
async fn a_write_that_stays_throttled_leaves_nothing_behind() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    image(&user).await?;
    for fault in [Fault::DYNAMODB_THROTTLES, Fault::Silence] {
        let proxy =
            Proxy::start(&stack.outputs.endpoint_url, "TransactWriteItems", fault, usize::MAX).await?;
        let address = (DYNAMODB, proxy.address.as_str());
        astray(&stack, "ImagesCreate", address, async || {
            let start = Instant::now();
            is_unavailable(user.post("/api/images", &new_image()).await?, start)
        })
        .await?;
        assert_eq!(proxy.calls(), 3, "{fault:?}");
    }
    assert_eq!(user.usage().await?, (1, 10));
    Ok(())
}

#[tokio::test]
async fn while_a_service_is_down_everybody_is_told_to_come_back() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = image(&user).await?;
    let nobody = nobody().await?;
    let login = json!({"username": user.username, "password": user.password});
    astray(&stack, "ImagesGet", (DYNAMODB, &nobody), async || {
        let start = Instant::now();
        is_unavailable(user.get(&path).await?, start)
    })
    .await?;
    astray(&stack, "ImagesCreate", (DYNAMODB, &nobody), async || {
        let start = Instant::now();
        is_unavailable(user.post("/api/images", &new_image()).await?, start)
    })
    .await?;
    astray(&stack, "AuthLogin", (COGNITO, &nobody), async || {
        let start = Instant::now();
        is_unavailable(stack.post("/api/auth/login", &login).await?, start)
    })
    .await?;
    stack.post("/api/auth/login", &login).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_login_is_tried_again_while_cognito_throttles_and_then_put_off() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let login = json!({"username": user.username, "password": user.password});
    let (endpoint, fault) = (&stack.outputs.endpoint_url, Fault::COGNITO_THROTTLES);
    let proxy = Proxy::start(endpoint, "InitiateAuth", fault, 2).await?;
    astray(&stack, "AuthLogin", (COGNITO, &proxy.address), async || {
        stack.post("/api/auth/login", &login).await?.expect(200)
    })
    .await?;
    let proxy = Proxy::start(endpoint, "InitiateAuth", fault, usize::MAX).await?;
    astray(&stack, "AuthLogin", (COGNITO, &proxy.address), async || {
        let start = Instant::now();
        is_unavailable(stack.post("/api/auth/login", &login).await?, start)
    })
    .await
}

#[tokio::test]
async fn an_upload_is_developed_although_s3_or_dynamodb_failed_at_first() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let endpoint = &stack.outputs.endpoint_url;
    for (service, operation, fault) in [
        (S3, "GET", Fault::S3_THROTTLES),
        (S3, "PUT", Fault::S3_THROTTLES),
        (DYNAMODB, "UpdateItem", Fault::DYNAMODB_THROTTLES),
    ] {
        // More than one invocation must try, so Lambda must retry the event.
        let proxy = Proxy::start(endpoint, operation, fault, 4).await?;
        let address = (service, proxy.address.as_str());
        let image = astray(&stack, "WorkersThumbnail", address, async || {
            user.upload_and_develop("image/png", pictures::png(64, 64)?).await
        })
        .await?;
        assert_eq!(image["status"], "ready", "{operation}: {image}");
        assert!(proxy.calls() > 4, "{operation}");
        pictures::check_quadrants(&user.thumbnail(&image, 200).await?.bytes, 64, 64)?;
        user.get(&format!("/api/images/{}", id_of(&image)?)).await?.expect(200)?;
    }
    Ok(())
}

#[tokio::test]
async fn an_idempotent_request_can_be_sent_again_after_a_503() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    image(&user).await?;
    let nobody = nobody().await?;
    astray(&stack, "ImagesCreate", (DYNAMODB, &nobody), async || {
        user.post_once("/api/images", "one", &new_image()).await?.problem(503, "unavailable")
    })
    .await?;
    let made = user.post_once("/api/images", "one", &new_image()).await?;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(user.usage().await?, (2, 20));
    Ok(())
}

#[tokio::test]
async fn when_no_more_mails_can_be_sent_nobody_is_told_to_come_back_in_a_minute() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let name = json!({"username": user.username});
    let new = json!({"username": unique("new"), "email": "new@example.com", "password": "Passw0rd1"});
    let endpoint = &stack.outputs.endpoint_url;
    for (function, operation, path, body) in [
        ("AuthRegister", "SignUp", "/api/auth/register", &new),
        ("AuthResend", "ResendConfirmationCode", "/api/auth/confirm/resend", &name),
        ("AuthForgot", "ForgotPassword", "/api/auth/password/forgot", &name),
    ] {
        for (fault, status, code, seconds) in [
            (Fault::COGNITO_SENDS_NO_MORE, 503, "mail-limit-reached", "86400"),
            (Fault::COGNITO_LIMITS_ATTEMPTS, 429, "too-many-attempts", "3600"),
        ] {
            let proxy = Proxy::start(endpoint, operation, fault, usize::MAX).await?;
            let answer =
                astray(&stack, function, (COGNITO, &proxy.address), async || stack.post(path, body).await)
                    .await?;
            assert_eq!(answer.header("retry-after"), seconds, "{function}: {answer:?}");
            answer.problem(status, code)?;
        }
    }
    Ok(())
}
