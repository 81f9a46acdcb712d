//! How xtask calls cargo, and programs that call cargo.

use std::process::Command;

use crate::{project, tools};

/// Cargo, in the repository.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    as_from_a_shell(cargo.current_dir(project::root()).args(arguments));
    cargo
}

/// Adds the build tools to the PATH, and removes the variables that `cargo xtask` sets for this package. Build scripts
/// such as ring's read them, so cargo would rebuild their dependents each time you alternate between `cargo xtask` and
/// `cargo`.
pub(crate) fn as_from_a_shell(program: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            program.env_remove(name);
        }
    }
    // Cargo's configuration may name another target directory, where xtask does not search.
    program.env("CARGO_TARGET_DIR", project::target()).env("PATH", tools::path())
}
