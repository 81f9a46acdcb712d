//! What Pillow, a library of its own, sees in a picture.

use std::{
    env,
    io::Write,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A picture as Pillow reads it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names of Pillow")]
pub struct Seen {
    pub format: String,
    pub mode: String,
    pub width: u32,
    pub height: u32,
    /// The names of the metadata in the file.
    pub metadata: Vec<String>,
    /// The pixels at the given points.
    pub colors: Vec<Vec<u8>>,
}

/// Lets Pillow read a picture, and returns the pixels at these points.
///
/// # Errors
/// If Pillow cannot read it.
pub fn read(picture: &[u8], points: &[(u32, u32)]) -> Result<Seen> {
    // The environment of Django contains Pillow.
    let python = env::var("DARKROOM_DJANGO").context("use `cargo xtask test`, which installs Pillow")?;
    let mut command = Command::new(python);
    command.arg("-c").arg(include_str!("pillow.py")).arg(serde_json::to_string(points)?);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    process.stdin.take().context("no input")?.write_all(picture)?;
    let output = process.wait_with_output()?;
    ensure!(output.status.success(), "Pillow cannot read this picture of {} bytes", picture.len());
    Ok(serde_json::from_slice(&output.stdout)?)
}
