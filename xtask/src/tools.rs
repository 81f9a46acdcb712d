//! The build tools of libjpeg-turbo: cmake and nasm. Tools on the PATH are used. Missing ones are downloaded to
//! `target/`; nothing is installed on the machine.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::venv::CMAKE;
use crate::{command, project};

/// The advice if `nasm` cannot be downloaded.
const REMEDY: &str = "nasm is needed to build libjpeg-turbo with SIMD. Install it: apt-get install nasm, \
                      dnf install nasm, brew install nasm";

/// Makes sure that both tools exist. Only x86 needs `nasm`.
pub(crate) fn ensure() -> Result<()> {
    if !answers("cmake") {
        CMAKE.ensure()?;
    }
    if cfg!(target_arch = "x86_64") && !answers("nasm") && !nasm().join("nasm").exists() {
        command::step("fetching nasm", fetch_nasm)?;
    }
    Ok(())
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

/// Downloads the package of Debian or Ubuntu and unpacks it, which does not need root. If the machine has no package
/// lists, it downloads them too.
fn fetch_nasm() -> Result<()> {
    let dir = dir();
    let lists = dir.join("apt");
    fs::create_dir_all(lists.join("lists/partial")).with_context(|| format!("making {}", lists.display()))?;
    let log = dir.join("apt.log");
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        // With the caller's user, because apt's user may not write here.
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
