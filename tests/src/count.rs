//! Counts the requests of a run, from which `cargo xtask test --stack` estimates what the run cost.

use std::{env, fs::OpenOptions, io::Write, path::Path};

/// The kinds of requests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A request to the HTTP API.
    Api,
    /// A request to a bucket that uploads a picture, which starts a worker.
    Upload,
    /// A signed request to an AWS service, or another request to a bucket, by the service's name.
    Service(&'static str),
}

/// Counts one request, if `DARKROOM_COUNTS` names a directory for it. Several test binaries run, so each request
/// appends a byte to the file of its kind.
pub(crate) fn count(kind: Kind) {
    let Some(dir) = env::var_os("DARKROOM_COUNTS") else { return };
    let name = match kind {
        Kind::Api => "api",
        Kind::Upload => "upload",
        Kind::Service(name) => name,
    };
    let file = OpenOptions::new().create(true).append(true).open(Path::new(&dir).join(name));
    // The estimate is not worth a failed test.
    let _ = file.and_then(|mut file| file.write_all(b"."));
}
