//! Paths in the repository, and the region of local stacks.

use std::path::{Path, PathBuf};

/// The region of all local resources.
pub(crate) const REGION: &str = "us-east-1";

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Cargo's target directory.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The directory of the binaries of `--profile local` and of the default stack's files.
pub(crate) fn local() -> PathBuf {
    target().join("local")
}

/// The SAM template.
pub(crate) fn template() -> PathBuf {
    root().join("template.yaml")
}
