//! The parts of an invocation that X-Ray's daemon receives

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;
use tests::{Stack, Tier, pictures};
use tokio::{net::UdpSocket, time::timeout};

use crate::{TURN, astray};

/// How long the daemon waits for another document after the upload is ready.
const SILENCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_traced_upload_shows_the_calls_and_the_decoding() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let daemon = UdpSocket::bind("127.0.0.1:0").await?;
    let address = daemon.local_addr()?.to_string();
    astray(&stack, "WorkersThumbnail", ("AWS_XRAY_DAEMON_ADDRESS", &address), async || {
        user.upload_and_develop("image/png", pictures::png(64, 64)?).await.map(drop)
    })
    .await?;

    let (mut documents, mut buffer) = (Vec::new(), vec![0; 65_536]);
    while let Ok(length) = timeout(SILENCE, daemon.recv(&mut buffer)).await {
        let text = std::str::from_utf8(&buffer[..length?])?;
        let (_header, document) = text.split_once('\n').context("no header")?;
        documents.push(serde_json::from_str::<Value>(document)?);
    }
    let names: BTreeSet<&str> = documents.iter().filter_map(|document| document["name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["DynamoDB", "S3", "develop"]), "{documents:#?}");
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
