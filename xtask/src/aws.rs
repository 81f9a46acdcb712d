//! AWS calls through boto3, in the `sam` environment.
//!
//! boto3 supports all services and all sources of credentials. With the SDK for Rust, this program would take minutes
//! to build.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::command;
use crate::emulator::Emulator;
use crate::venv::SAM;

/// A refusal by the service.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The service's code, such as `UsernameExistsException`.
    pub(crate) code: String,
    message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// The credentials and the region of a session.
#[derive(Deserialize)]
pub(crate) struct Session {
    pub(crate) region: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    /// Only temporary credentials have one.
    pub(crate) session_token: Option<String>,
}

/// A session with AWS, or with the emulator.
pub(crate) struct Aws {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Aws {
    /// Starts a session with the emulator.
    pub(crate) fn local(emulator: &Emulator) -> Result<Self> {
        // In its own process group, so that only this program handles Ctrl-C. There it cannot read from the terminal,
        // which only sessions with AWS need, for the code of a second factor.
        Self::start(|python| emulator.configure(python).process_group(0))
    }

    /// Starts a session with AWS, with the caller's credentials. The region is `region` or the configured one.
    pub(crate) fn remote(region: Option<&str>) -> Result<Self> {
        // boto3 ignores AWS_REGION, unlike the SDKs of other languages.
        let region = region.map(str::to_owned).or_else(|| std::env::var("AWS_REGION").ok());
        Self::start(|python| {
            command::without_proxy(python).envs(region.map(|region| ("AWS_DEFAULT_REGION", region)))
        })
    }

    /// The credentials and the region that this session uses, for a program that signs its requests itself.
    pub(crate) fn session(&mut self) -> Result<Session> {
        Ok(serde_json::from_value(self.call("session", "describe", json!({}))?)?)
    }

    fn start(configure: impl FnOnce(&mut Command) -> &mut Command) -> Result<Self> {
        SAM.ensure()?;
        let mut python = Command::new(SAM.bin("python"));
        python.args(["-c", include_str!("python/bridge.py")]);
        configure(&mut python);
        Self::through(&mut python)
    }

    /// A session that answers the calls with these lines of the bridge, one after the other.
    #[cfg(test)]
    pub(crate) fn answering(answers: &[Value]) -> Result<Self> {
        let lines: Vec<String> = answers.iter().map(Value::to_string).collect();
        // It reads all requests, so that a call after the last answer fails only because there is no answer.
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"printf '%s\n' "$@"; exec cat > /dev/null"#, "sh"]).args(lines);
        Self::through(&mut shell)
    }

    fn through(bridge: &mut Command) -> Result<Self> {
        let mut child = command::spawn(bridge.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let requests = child.stdin.take().context("the bridge has no stdin")?;
        let answers = BufReader::new(child.stdout.take().context("the bridge has no stdout")?);
        Ok(Self { child, requests, answers })
    }

    /// Makes one call. `operation` and `parameters` are those of boto3.
    pub(crate) fn call(&mut self, service: &str, operation: &str, parameters: Value) -> Result<Value> {
        let request = json!({"service": service, "operation": operation, "parameters": parameters});
        writeln!(self.requests, "{request}").context("asking the AWS bridge")?;
        let mut line = String::new();
        self.answers.read_line(&mut line).context("reading from the AWS bridge")?;
        let mut answer: Value =
            serde_json::from_str(&line).with_context(|| format!("{service} {operation}: no answer"))?;
        if let Some(code) = answer["code"].as_str() {
            let message = answer["message"].as_str().unwrap_or_default().to_owned();
            let refusal = Refusal { code: code.to_owned(), message };
            return Err(anyhow::Error::new(refusal).context(format!("{service} {operation}")));
        }
        Ok(answer["ok"].take())
    }

    /// Makes a call. The error `code` means that an earlier call did the work, and is not an error here.
    pub(crate) fn call_unless(
        &mut self,
        code: &str,
        service: &str,
        operation: &str,
        parameters: Value,
    ) -> Result<()> {
        match self.call(service, operation, parameters) {
            Err(error) if error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.code == code) => {
                Ok(())
            }
            other => other.map(drop),
        }
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
