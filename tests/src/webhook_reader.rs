//! What the Python packages of CloudEvents and Standard Webhooks make of an event and its delivery.

use std::{
    env,
    io::Write,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::Received;

/// Lets the packages verify and read a delivery. The result has `verified`, and the attributes of the event.
///
/// # Errors
/// If they cannot read it.
pub fn read_delivery(received: &Received, secret: &str) -> Result<Value> {
    let headers = received.headers.iter();
    let headers: Value = headers
        .map(|(name, value)| Ok((name.to_string(), json!(value.to_str()?))))
        .collect::<Result<serde_json::Map<_, _>>>()?
        .into();
    read(&json!({"body": received.body, "headers": headers, "secret": secret}))
}

/// Lets the package of CloudEvents read an event. The result has the attributes of the event.
///
/// # Errors
/// If it cannot read it.
pub fn read_event(event: &Value) -> Result<Value> {
    read(&json!({"body": event.to_string()}))
}

fn read(input: &Value) -> Result<Value> {
    // The environment of Django contains the packages.
    let python =
        env::var("DARKROOM_DJANGO").context("use `cargo xtask test`, which installs the packages")?;
    let mut command = Command::new(python);
    command.arg("-c").arg(include_str!("webhook.py"));
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    process.stdin.take().context("no input")?.write_all(input.to_string().as_bytes())?;
    let output = process.wait_with_output()?;
    ensure!(output.status.success(), "the packages cannot read this event: {input}");
    Ok(serde_json::from_slice(&output.stdout)?)
}
