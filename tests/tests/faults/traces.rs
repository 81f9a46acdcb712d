//! The parts of an invocation that X-Ray's daemon receives

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Stack, Tier, pictures, send};
use tokio::{net::UdpSocket, time::timeout};

use crate::{TURN, astray};

/// The variable with the address of X-Ray's daemon.
const DAEMON: &str = "AWS_XRAY_DAEMON_ADDRESS";

/// How long the daemon waits for another document after the traced work.
const SILENCE: Duration = Duration::from_secs(2);

/// The documents that the daemon has received.
async fn documents(daemon: &UdpSocket) -> Result<Vec<Value>> {
    let (mut documents, mut buffer) = (Vec::new(), vec![0; 65_536]);
    while let Ok(length) = timeout(SILENCE, daemon.recv(&mut buffer)).await {
        let text = std::str::from_utf8(&buffer[..length?])?;
        let (_header, document) = text.split_once('\n').context("no header")?;
        documents.push(serde_json::from_str(document)?);
    }
    Ok(documents)
}

fn names(documents: &[Value]) -> BTreeSet<&str> {
    documents.iter().filter_map(|document| document["name"].as_str()).collect()
}

#[tokio::test]
async fn a_traced_upload_shows_the_calls_and_the_decoding() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let daemon = UdpSocket::bind("127.0.0.1:0").await?;
    let address = daemon.local_addr()?.to_string();
    astray(&stack, "WorkersThumbnail", (DAEMON, &address), async || {
        user.upload_and_develop("image/png", pictures::png(64, 64)?).await.map(drop)
    })
    .await?;

    let documents = documents(&daemon).await?;
    assert_eq!(names(&documents), BTreeSet::from(["DynamoDB", "S3", "develop"]), "{documents:#?}");
    for document in &documents {
        assert_eq!(document["type"], "subsegment");
        assert!(document["trace_id"].as_str().is_some_and(|id| id.starts_with("1-")), "{document}");
        assert!(document["end_time"].as_f64() >= document["start_time"].as_f64(), "{document}");
        assert!(document["fault"].is_null(), "{document}");
    }
    let develop = documents.iter().find(|document| document["name"] == "develop").context("no decoding")?;
    assert!(develop["annotations"]["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{develop}");
    let call = documents.iter().find(|document| document["name"] == "DynamoDB").context("no call")?;
    assert_eq!((&call["namespace"], &call["http"]["response"]["status"]), (&"aws".into(), &200.into()));
    Ok(())
}

#[tokio::test]
async fn an_api_key_is_in_no_trace() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let body = json!({"name": "The shop", "scopes": ["images:read"], "password": user.password});
    let created = user.post("/api/keys", &body).await?.json(201)?;
    let key = created["key"].as_str().context("no key")?;
    let secret = key.rsplit_once('_').context("no secret")?.1;
    let daemon = UdpSocket::bind("127.0.0.1:0").await?;
    let address = daemon.local_addr()?.to_string();
    // The first function receives the key. The second one does what the key allows.
    astray(&stack, "KeysAuthorizer", (DAEMON, &address), async || {
        astray(&stack, "ImagesList", (DAEMON, &address), async || {
            send(stack.request(Method::GET, "/api/images").bearer_auth(key)).await?.expect(200)
        })
        .await
    })
    .await?;

    let documents = documents(&daemon).await?;
    // Only the authorizer calls Cognito.
    assert_eq!(names(&documents), BTreeSet::from(["Cognito", "DynamoDB"]), "{documents:#?}");
    for document in &documents {
        assert!(!document.to_string().contains(secret), "{document}");
    }
    Ok(())
}
