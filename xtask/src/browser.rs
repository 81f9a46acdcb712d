//! Tests and measures the page in headless Chromium, on a running stack.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::npm::Package;
use crate::stack::Stack;
use crate::standins::Standins;
use crate::{command, project};

/// Names of Chromium and Chrome on the PATH, and their paths on macOS.
const NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];
/// The screenshots that the README shows.
const README_SHOWS: [&str; 3] =
    ["photos-desktop-light.jpg", "picture-desktop-dark.jpg", "photos-phone-dark.jpg"];
/// The advice if there is no browser.
const REMEDY: &str = "The page's tests need Chromium. Install it (Debian's package is `chromium`), or name its program \
                      in the variable CHROMIUM";

/// Runs the tests of tests/browser whose names match `pattern`, a regular expression, or all. If the stack uses
/// stand-ins, the tests get their address.
///
/// # Errors
/// A test failed. The error names each failed test, with what it found.
pub(crate) fn run(stack: &Stack, standins: Option<&Standins>, pattern: Option<&str>) -> Result<()> {
    let chromium = ensure()?;
    let package = Package::ensure("browser")?;
    let failures = stack.outputs_file().with_file_name("failures.txt");
    // That of an earlier run on the same stack.
    let _ = fs::remove_file(&failures);
    command::step("the page in a browser", || {
        // One file at a time, because each file starts a browser.
        let mut node = package.command("node", &["--test", "--test-concurrency=1"])?;
        node.args(["--test-reporter=spec", "--test-reporter-destination=stdout"]);
        node.arg("--test-reporter=./failures.js").arg("--test-reporter-destination").arg(&failures);
        node.args(pattern.map(|pattern| format!("--test-name-pattern={pattern}")));
        node.args(package.sources()?.iter().filter(|name| name.ends_with(".test.js")));
        node.envs(standins.map(|standins| ("DARKROOM_STANDINS", &standins.address)));
        command::run(node.env("DARKROOM_OUTPUTS", stack.outputs_file()).env("CHROMIUM", &chromium)).map_err(
            |error| match fs::read_to_string(&failures) {
                Ok(list) if !list.is_empty() => error.context(list),
                _ => error,
            },
        )
    })
}

/// Writes screenshots of every view to `target/screenshots`, and copies those of the README to docs/.
pub(crate) fn screenshots(stack: &Stack) -> Result<()> {
    let chromium = ensure()?;
    let package = Package::ensure("browser")?;
    let taken = project::target().join("screenshots");
    command::step("taking screenshots", || {
        let mut node = package.command("node", &["screenshots.js"])?;
        node.arg(&taken).env("DARKROOM_OUTPUTS", stack.outputs_file()).env("CHROMIUM", &chromium);
        command::run(&mut node)
    })?;
    let shown = project::root().join("docs/screenshots");
    fs::create_dir_all(&shown)?;
    for name in README_SHOWS {
        fs::copy(taken.join(name), shown.join(name)).with_context(|| format!("copying {name}"))?;
    }
    println!("They are in {}.", taken.display());
    Ok(())
}

/// Measures how the page loads, and prints a table for docs/BENCHMARKS.md.
pub(crate) fn measure(stack: &Stack) -> Result<()> {
    let chromium = ensure()?;
    let package = Package::ensure("browser")?;
    command::step("measuring", || {
        let mut node = package.command("node", &["measure.js"])?;
        command::run(node.env("DARKROOM_OUTPUTS", stack.outputs_file()).env("CHROMIUM", &chromium))
    })
}

/// Finds a browser. As root on Debian and similar systems, it installs one if there is none.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        return found(&named)
            .with_context(|| format!("CHROMIUM is {}, which does not answer", named.display()));
    }
    let any = || NAMES.iter().find_map(|name| found(name.as_ref()));
    if let Some(found) = any() {
        return Ok(found);
    }
    command::step("installing chromium", install).context(REMEDY)?;
    any().context(REMEDY)
}

/// The path of a program that runs, given by its name on the PATH or by its path.
fn found(program: &OsStr) -> Option<PathBuf> {
    let is_path = Path::new(program).components().count() > 1;
    let directories = if is_path { OsString::from(".") } else { env::var_os("PATH")? };
    let mut files = env::split_paths(&directories).map(|directory| directory.join(program));
    files.find(|file| answers(file)).and_then(|file| std::path::absolute(file).ok())
}

fn answers(program: &Path) -> bool {
    let mut version = Command::new(program);
    version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

fn install() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("only root may install it");
    }
    let log = project::target().join("chromium.log");
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        command::run_logged(apt.env("DEBIAN_FRONTEND", "noninteractive").args(arguments), &log)
    };
    apt(&["update"])?;
    apt(&["install", "--yes", "--no-install-recommends", "chromium"])
}
