//! The judge: a check in front of the emulator that refuses the requests that AWS would refuse.
//!
//! `python/judge.py` runs in the emulator's process. It uses `tests/judge` for requests to DynamoDB.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::npm::Package;
use crate::project::REGION;

/// The installed programs of the judge.
pub(crate) struct Judge {
    node: PathBuf,
    script: PathBuf,
    table: PathBuf,
    dynalite: PathBuf,
}

impl Judge {
    /// Installs the judge if necessary.
    ///
    /// # Errors
    /// Node.js or npm is missing or fails.
    pub(crate) fn ensure() -> Result<Self> {
        let package = Package::ensure("judge")?;
        // The `node` on the PATH may be a script that needs other environment variables.
        let node =
            package.command("node", &["-p", "process.execPath"])?.output().context("asking Node.js")?;
        let node = String::from_utf8(node.stdout).context("the path of Node.js")?;
        let (script, table) = (package.file("judge.js"), package.file("table.js"));
        let dynalite = package.bin("dynalite");
        Ok(Self { node: PathBuf::from(node.trim()), script, table, dynalite })
    }

    /// Node.js, and the command line of dynalite.
    pub(crate) fn dynalite(&self) -> [&Path; 2] {
        [&self.node, &self.dynalite]
    }

    /// The arguments for `emulator.py` of a stack whose files are in `dir`.
    pub(crate) fn arguments(&self, dir: &Path) -> [PathBuf; 3] {
        [self.node.clone(), self.script.clone(), refusals(dir)]
    }

    /// Environment variables for the store's unit tests: the judge's paths, and settings for the AWS client.
    pub(crate) fn environment(&self) -> [(&'static str, &Path); 5] {
        [
            ("DARKROOM_NODE", &self.node),
            ("DARKROOM_JUDGED_TABLE", &self.table),
            ("AWS_REGION", Path::new(REGION)),
            ("AWS_ACCESS_KEY_ID", Path::new("nobody")),
            ("AWS_SECRET_ACCESS_KEY", Path::new("none")),
        ]
    }
}

/// Prints the requests that were refused since the last call.
///
/// # Errors
/// There are such requests.
pub(crate) fn verdict(dir: &Path) -> Result<()> {
    let file = refusals(dir);
    let lines = match fs::read_to_string(&file) {
        Ok(lines) => lines,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
    };
    fs::remove_file(&file)?;
    let mut kinds: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for line in lines.lines() {
        let refusal: Value = serde_json::from_str(line).with_context(|| format!("in {}", file.display()))?;
        let text = |member: &str| refusal[member].as_str().unwrap_or_default().to_owned();
        let request = format!("{} {}, sent by {}", text("service"), text("operation"), text("caller"));
        let first = refusal["request"].to_string();
        kinds.entry(format!("{request}\n  reason: {}", text("reason"))).or_insert((0, first)).0 += 1;
    }
    for (kind, (count, first)) in kinds {
        eprintln!("refused {count} times: {kind}\n  first:  {first}");
    }
    bail!(
        "AWS would refuse {} requests: see above, and `The judge` in tests/README.md",
        lines.lines().count()
    )
}

fn refusals(dir: &Path) -> PathBuf {
    dir.join("refused.jsonl")
}
