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

    /// Does the same with the sources in another directory. The copy is `target/<name>`. Several processes may do this at
    /// the same time.
    pub(crate) fn from(sources: &Path, name: &str) -> Result<Self> {
        let package = Self { node: Node::ensure()?, dir: project::target().join(name) };
        let _turn = command::turn(&package.dir)?;
        mirror(sources, &package.dir)
            .with_context(|| format!("copying {} to {}", sources.display(), package.dir.display()))?;
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

/// Makes a directory equal to `from`, except for what builds and programs write. Does not touch a file that is equal
/// already, because another process may read it.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for old in fs::read_dir(to)? {
        let old = old?;
        let is_source =
            old.path().extension().is_some_and(|extension| extension == "js" || extension == "ts");
        if is_source && !from.join(old.file_name()).exists() {
            fs::remove_file(old.path())?;
        }
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if !BUILT.iter().any(|built| entry.file_name() == *built) {
                mirror(&entry.path(), &copy)?;
            }
        } else if fs::read(&copy).ok() != Some(fs::read(entry.path())?) {
            fs::copy(entry.path(), copy)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_follows_its_sources_and_keeps_what_programs_write() -> Result<()> {
        let root = std::env::temp_dir().join(format!("mirror-{}", std::process::id()));
        let (from, to) = (root.join("from"), root.join("to"));
        fs::create_dir_all(from.join("lib"))?;
        fs::write(from.join("a.js"), "1")?;
        fs::write(from.join("lib/b.ts"), "2")?;
        mirror(&from, &to)?;
        fs::write(to.join("packed.tgz"), "3")?;
        let written = fs::metadata(to.join("a.js"))?.modified()?;
        fs::remove_file(from.join("lib/b.ts"))?;
        mirror(&from, &to)?;
        assert_eq!(fs::metadata(to.join("a.js"))?.modified()?, written, "an equal file is not written again");
        assert!(!to.join("lib/b.ts").exists());
        assert!(to.join("packed.tgz").exists());
        fs::write(from.join("a.js"), "4")?;
        mirror(&from, &to)?;
        assert_eq!(fs::read_to_string(to.join("a.js"))?, "4");
        Ok(fs::remove_dir_all(root)?)
    }
}
