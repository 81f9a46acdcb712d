//! Node.js: the installed one if it is new enough, otherwise one from PyPI.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::venv::NODE;

/// The oldest version for the packages of this repository, as in their package.json.
const MIN: (u32, u32) = (20, 19);

/// The location of `node`, `npm` and `npx`.
pub(crate) struct Node {
    /// Their directory, if they are not on the `PATH`.
    dir: Option<PathBuf>,
}

impl Node {
    /// Finds Node.js, or installs it under target/venv.
    pub(crate) fn ensure() -> Result<Self> {
        if version("npm").is_some() && version("node").is_some_and(|version| version >= MIN) {
            return Ok(Self { dir: None });
        }
        NODE.ensure().context("Node.js 20.19 or later is not on the PATH, and PyPI's did not install")?;
        Ok(Self { dir: NODE.bin("node").parent().map(PathBuf::from) })
    }

    /// One of its programs.
    pub(crate) fn command(&self, program: &str) -> Result<Command> {
        let Some(dir) = &self.dir else { return Ok(Command::new(program)) };
        let inherited = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([dir.clone()].into_iter().chain(env::split_paths(&inherited)))?;
        let mut command = Command::new(dir.join(program));
        command.env("PATH", path);
        Ok(command)
    }
}

fn version(program: &str) -> Option<(u32, u32)> {
    let output = Command::new(program).arg("--version").stderr(Stdio::null()).output().ok()?;
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn parse(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().trim_start_matches('v').split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_node_is_told_from_a_newer_one() {
        assert!(parse("v20.20.2\n") >= Some(MIN));
        assert!(parse("v24.1.0") >= Some(MIN));
        for older in ["v20.18.0", "v18.20.8", "", "node"] {
            assert!(parse(older) < Some(MIN), "{older}");
        }
    }
}
