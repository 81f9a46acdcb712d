//! What the build needs: cmake and nasm for libjpeg-turbo, and the renderer of the API's documentation. Tools on the PATH
//! are used. Missing ones are downloaded to `target/`; nothing is installed on the machine.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::npm::Package;
use crate::venv::CMAKE;
use crate::{apt, command, project};

/// The advice if `nasm` cannot be downloaded.
const REMEDY: &str = "nasm is needed to build libjpeg-turbo with SIMD. Install it: apt-get install nasm, \
                      dnf install nasm, brew install nasm";

/// The name of the renderer's directory in `target/`. `functions/docs/build/main.rs` reads the renderer there.
const DOCS: &str = "docs";

/// Makes sure that everything exists. Only x86 needs `nasm`.
pub(crate) fn ensure() -> Result<()> {
    Package::from(&docs(), DOCS)?;
    if !answers("cmake") {
        CMAKE.ensure()?;
    }
    if cfg!(target_arch = "x86_64") && !answers("nasm") && !nasm().join("nasm").exists() {
        command::step("fetching nasm", || apt::unpack("nasm", &dir()).context(REMEDY))?;
    }
    Ok(())
}

/// The sources of the documentation's page, whose package.json names the renderer.
pub(crate) fn docs() -> PathBuf {
    project::root().join("functions/docs/page")
}

/// The PATH, followed by the directories of the downloaded tools.
pub(crate) fn path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let fetched = [CMAKE.bin("cmake").parent().map(Path::to_owned), Some(nasm())];
    let directories = env::split_paths(&path).chain(fetched.into_iter().flatten());
    // This fails only if a directory has a colon in its name.
    env::join_paths(directories).unwrap_or(path)
}

fn answers(program: &str) -> bool {
    let mut version = Command::new(program);
    version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

fn nasm() -> PathBuf {
    dir().join("usr/bin")
}

fn dir() -> PathBuf {
    project::target().join("tools/nasm")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_release_workflow_runs_this_before_the_build() -> Result<()> {
        let text = fs::read_to_string(project::root().join(".github/workflows/release.yml"))?;
        let workflow: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text)?;
        let steps = workflow["jobs"]["build"]["steps"].as_sequence().context("no steps")?;
        let first = |command: &str| {
            let runs =
                |step: &serde_yaml_ng::Value| step["run"].as_str().is_some_and(|run| run.contains(command));
            steps.iter().position(runs).with_context(|| format!("no step runs `{command}`"))
        };
        assert!(first("cargo xtask tools")? < first("cargo lambda build")?);
        Ok(())
    }
}
