//! What stands in for the providers while the tests run.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::providers::Providers;
use crate::venv::STANDINS;

/// The key that the stand-in takes. It opens nothing else.
const KEY: &str = "stand-in-key";

/// A running stand-in.
pub(crate) struct Standins {
    child: Child,
    /// Where it answers.
    pub(crate) address: String,
}

impl Standins {
    /// Starts it, and waits until OpenAI's own SDK has understood it.
    pub(crate) fn start() -> Result<Self> {
        STANDINS.ensure()?;
        let mut python = Command::new(STANDINS.bin("python"));
        python.args(["-c", include_str!("python/standins.py"), "0", KEY]);
        // It ends when this program does, which holds the other end of its input.
        let mut child = command::spawn(python.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let output = child.stdout.take().context("the stand-in has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(line.starts_with("http://127.0.0.1:"), "the stand-in for OpenAI did not start");
        Ok(Self { child, address: line.trim().to_owned() })
    }

    /// The providers of a stack that uses it.
    pub(crate) fn providers(&self) -> Providers {
        Providers {
            key: Some(KEY.to_owned()),
            base_url: Some(format!("{}/v1", self.address)),
            seconds: Some(5),
            ..Providers::default()
        }
    }
}

impl Drop for Standins {
    fn drop(&mut self) {
        // Both fail only where the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
