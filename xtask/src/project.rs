//! Where things are in the repository.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Cargo's target directory.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where `--profile local` leaves its binaries, and where the default stack has its files.
pub(crate) fn local() -> PathBuf {
    target().join("local")
}

/// The SAM template.
pub(crate) fn template() -> PathBuf {
    root().join("template.yaml")
}
