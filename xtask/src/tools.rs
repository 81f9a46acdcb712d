//! The build tools that libjpeg-turbo and dav1d need: cmake and nasm. Those on the PATH are taken;
//! what is missing is fetched into `target/`, without touching the machine.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::venv::CMAKE;
use crate::{command, project};

/// What to install by hand where `nasm` cannot be fetched.
const REMEDY: &str = "nasm is needed to build libjpeg-turbo with SIMD. Install it: apt-get install nasm, \
                      dnf install nasm, brew install nasm";

/// Sees to it that both are there. `nasm` assembles for x86 alone.
pub(crate) fn ensure() -> Result<()> {
    if !answers("cmake") {
        CMAKE.ensure()?;
    }
    if cfg!(target_arch = "x86_64") && !answers("nasm") && !nasm().join("nasm").exists() {
        command::step("fetching nasm", fetch_nasm)?;
    }
    Ok(())
}

/// The PATH with the tools that were fetched, behind everything that is on it.
pub(crate) fn path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let fetched = [CMAKE.bin("cmake").parent().map(Path::to_owned), Some(nasm())];
    let directories = env::split_paths(&path).chain(fetched.into_iter().flatten());
    // Only a directory with a colon in its name cannot be on a PATH.
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

/// Downloads Debian's or Ubuntu's package and unpacks it, for which nobody has to be root. Package
/// lists of its own are fetched where the machine has none.
fn fetch_nasm() -> Result<()> {
    let dir = dir();
    let lists = dir.join("apt");
    fs::create_dir_all(lists.join("lists/partial")).with_context(|| format!("making {}", lists.display()))?;
    let log = dir.join("apt.log");
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        // As whoever calls, rather than as a user who may not write here.
        apt.current_dir(&dir).args(["-qq", "-o", "APT::Sandbox::User="]).args(arguments);
        command::run_logged(&mut apt, &log)
    };
    let own = format!("Dir::State::Lists={}", lists.join("lists").display());
    let cache = format!("Dir::Cache={}", lists.display());
    if apt(&["download", "nasm"]).is_err() {
        let fetched = apt(&["-o", &own, "-o", &cache, "update"])
            .and_then(|()| apt(&["-o", &own, "-o", &cache, "download", "nasm"]));
        fetched.context(REMEDY)?;
    }
    let entries = fs::read_dir(&dir)?.flatten().map(|entry| entry.path());
    let Some(package) = entries.into_iter().find(|path| path.extension().is_some_and(|e| e == "deb")) else {
        bail!(REMEDY);
    };
    command::run_logged(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&dir), &log).context(REMEDY)?;
    fs::remove_file(&package)?;
    Ok(fs::remove_dir_all(&lists)?)
}
