//! The JavaScript programs of this repository, and their npm packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::node::Node;
use crate::{command, project};

/// Directories of a package that its build makes.
const BUILT: [&str; 3] = ["dist", "generated", "node_modules"];

/// A package of this repository, copied to target/ so that its dependencies can be installed there.
pub(crate) struct Package {
    node: Node,
    dir: PathBuf,
}

impl Package {
    /// Copies `tests/<name>` and installs exactly the packages of its package-lock.json, unless they are installed.
    pub(crate) fn ensure(name: &str) -> Result<Self> {
        Self::from(&project::root().join("tests").join(name), name)
    }

    /// Does the same with the sources in another directory. The copy is `target/<name>`.
    pub(crate) fn from(sources: &Path, name: &str) -> Result<Self> {
        let package = Self { node: Node::ensure()?, dir: project::target().join(name) };
        package.stage(sources)?;
        package.install()?;
        Ok(package)
    }

    /// The directory of the copy.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A program such as `node` or `npx`, in the directory of the copied sources.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = self.node.command(program)?;
        command.current_dir(&self.dir).args(arguments);
        Ok(command)
    }

    /// The path of a program that one of the packages contains.
    pub(crate) fn bin(&self, program: &str) -> PathBuf {
        self.dir.join("node_modules/.bin").join(program)
    }

    /// The path of a source file.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Runs a program and shows its output only if it fails.
    pub(crate) fn run_logged(&self, command: &mut Command) -> Result<()> {
        command::run_logged(command, &self.dir.with_extension("log"))
    }

    /// The names of the sources, in order.
    pub(crate) fn sources(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.dir)?.flatten().map(|entry| entry.file_name());
        let mut names: Vec<String> = entries.filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    fn stage(&self, sources: &Path) -> Result<()> {
        fs::create_dir_all(&self.dir)?;
        // Delete the copies of deleted sources.
        for old in self.sources()?.iter().filter(|name| name.ends_with(".js")) {
            fs::remove_file(self.dir.join(old))?;
        }
        copy(sources, &self.dir)
    }

    fn install(&self) -> Result<()> {
        let wanted = fs::read(self.dir.join("package-lock.json"))?;
        let stamp = self.dir.join("node_modules/.installed");
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        command::step("npm ci", || {
            self.run_logged(
                &mut self.command("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?,
            )?;
            Ok(fs::write(&stamp, &wanted)?)
        })
    }
}

/// Copies the files of a directory. Replaces its directories, except those that a build makes.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), target)?;
        } else if !BUILT.iter().any(|built| entry.file_name() == *built) {
            if target.exists() {
                fs::remove_dir_all(&target)?;
            }
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}
