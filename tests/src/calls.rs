//! The calls to AWS that a function makes.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::{net::UdpSocket, time::timeout};

use crate::Stack;

/// How long to wait for another document after the work.
const SILENCE: Duration = Duration::from_secs(2);

impl Stack {
    /// Runs `work`. Also returns the operations that each invocation of a function called meanwhile, such as
    /// `["BatchGetItem", "GetItem"]`. A call without a response does not count. The function must be traced: it tells its
    /// calls to X-Ray's daemon, whose place this takes.
    ///
    /// # Errors
    /// If the work fails, or if the stack is not the local one.
    pub async fn calls_of<T>(
        &self,
        function: &str,
        work: impl AsyncFnOnce() -> Result<T>,
    ) -> Result<(T, Vec<Vec<String>>)> {
        let daemon = UdpSocket::bind("127.0.0.1:0").await?;
        let address = daemon.local_addr()?.to_string();
        let (mut calls, mut buffer) = (BTreeMap::new(), vec![0; 65_536]);
        let mut work = pin!(self.with_variable(function, ("AWS_XRAY_DAEMON_ADDRESS", &address), work));
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome?,
                length = daemon.recv(&mut buffer) => note(&mut calls, &buffer[..length?])?,
            }
        };
        while let Ok(length) = timeout(SILENCE, daemon.recv(&mut buffer)).await {
            note(&mut calls, &buffer[..length?])?;
        }
        Ok((outcome, calls.into_values().collect()))
    }
}

/// Adds the call of a document, if it is one that was answered, to the calls of its invocation.
fn note(calls: &mut BTreeMap<String, Vec<String>>, document: &[u8]) -> Result<()> {
    let (_header, document) = std::str::from_utf8(document)?.split_once('\n').context("no header")?;
    let document: Value = serde_json::from_str(document)?;
    if !document["http"]["response"]["status"].is_null() {
        let trace = document["trace_id"].as_str().context("no trace")?;
        let operation = document["aws"]["operation"].as_str().context("no operation")?;
        calls.entry(trace.to_owned()).or_default().push(operation.to_owned());
    }
    Ok(())
}
