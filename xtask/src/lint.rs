//! What can be found without running anything.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::command::{self, cargo};
use crate::emulator::REGION;
use crate::venv::SAM;
use crate::{compile, permissions, project, tools};

/// Checks format, Rust, the template, its permissions and, where cargo-deny is there, the dependencies.
pub(crate) fn run() -> Result<()> {
    command::step("cargo fmt", || command::run(&mut cargo(&["fmt", "--all", "--check"])))?;
    tools::ensure()?;
    command::step("cargo clippy", || {
        // With the profile of `up` and `test`, whose macros and build scripts it shares.
        let clippy = ["clippy", "--profile", "local", "--workspace", "--all-targets", "--", "-D", "warnings"];
        compile::run(&mut cargo(&clippy))
    })?;
    SAM.ensure()?;
    let template = project::template();
    command::step("sam validate", || {
        let mut sam = Command::new(SAM.bin("sam"));
        sam.env("SAM_CLI_TELEMETRY", "0").args(["validate", "--lint", "--region", REGION, "--template"]);
        command::run(sam.arg(&template))
    })?;
    command::step("cfn-lint", || command::run(Command::new(SAM.bin("cfn-lint")).arg(&template)))?;
    command::step("permissions", permissions::check)?;
    let deny = cargo(&["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if deny.is_ok_and(|status| status.success()) {
        command::step("cargo deny", || command::run(&mut cargo(&["deny", "check"])))
    } else {
        eprintln!("    cargo-deny is not installed; the dependencies go unchecked");
        Ok(())
    }
}
