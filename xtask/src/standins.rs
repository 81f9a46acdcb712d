//! The stand-in for the providers while tests run.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::providers::{Ai, Dropbox, Providers};
use crate::venv::STANDINS;
use crate::{command, project};

/// The credentials that the stand-in accepts. No other service accepts them.
const KEY: &str = "stand-in-key";
const APP_KEY: &str = "stand-in-app";
const APP_SECRET: &str = "stand-in-app-secret";
const REFRESH_TOKEN: &str = "stand-in-refresh-token";

/// A running stand-in.
pub(crate) struct Standins {
    child: Child,
    /// Its address.
    pub(crate) address: String,
}

impl Standins {
    /// Starts it, and waits until the providers' SDKs have understood its responses.
    pub(crate) fn start() -> Result<Self> {
        command::step("starting the stand-in for OpenAI and Dropbox", || {
            STANDINS.ensure()?;
            let mut python = Command::new(STANDINS.bin("python"));
            python.arg(project::root().join("xtask/src/python/standins.py"));
            let dropbox =
                json!({"app_key": APP_KEY, "app_secret": APP_SECRET, "refresh_token": REFRESH_TOKEN})
                    .to_string();
            python.args(["0", KEY, &dropbox]).env("PYTHONDONTWRITEBYTECODE", "1");
            // It ends with this program, because this program's end closes its input.
            command::without_proxy(&mut python);
            let mut child = command::spawn(python.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
            let output = child.stdout.take().context("the stand-in has no output")?;
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line)?;
            ensure!(
                line.starts_with("http://127.0.0.1:"),
                "the stand-in for OpenAI and Dropbox did not start"
            );
            Ok(Self { child, address: line.trim().to_owned() })
        })
    }

    /// The providers of a stack that uses it.
    pub(crate) fn providers(&self) -> Providers {
        let ai = Ai {
            key: KEY.to_owned(),
            base_url: Some(format!("{}/v1", self.address)),
            seconds: Some(5),
            ..Ai::default()
        };
        let dropbox = Dropbox {
            app_key: APP_KEY.to_owned(),
            app_secret: APP_SECRET.to_owned(),
            refresh_token: REFRESH_TOKEN.to_owned(),
            url: Some(self.address.clone()),
            seconds: Some(10),
        };
        Providers { ai: Some(ai), dropbox: Some(dropbox) }
    }
}

impl Drop for Standins {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
