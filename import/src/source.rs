//! Where the manifest and the files are: in a directory, or in S3.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use aws::CallError;
use aws_sdk_s3::{Client, config::Builder, error::SdkError, operation::get_object::GetObjectError};
use aws_types::SdkConfig;
use bytes::Bytes;

use crate::outcome::{LineError, refused};

/// The name of the manifest.
const MANIFEST: &str = "manifest.jsonl";
/// The longest manifest, in bytes. It is in memory during the import.
const MAX_MANIFEST_BYTES: u64 = 1 << 30;
/// The longest file, in bytes. Each import reads a few files into memory at the same time.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// How long a file may take to arrive from S3.
const DOWNLOAD: Duration = Duration::from_secs(300);

/// A directory, or a prefix of a bucket.
#[derive(Debug)]
pub(crate) enum Source {
    Directory(PathBuf),
    S3 {
        client: Client,
        bucket: String,
        /// Empty, or with a slash at the end.
        prefix: String,
    },
}

impl Source {
    /// The source with this name: a directory or `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// The directory does not exist, or the address has no bucket.
    pub(crate) fn of(name: &str, config: &SdkConfig) -> Result<Self> {
        let Some(address) = name.strip_prefix("s3://") else {
            let path = fs::canonicalize(name).with_context(|| format!("the directory {name}"))?;
            ensure!(path.is_dir(), "{name} is not a directory");
            return Ok(Self::Directory(path));
        };
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        ensure!(!bucket.is_empty(), "the address has no bucket: write s3://BUCKET/PREFIX");
        let prefix = prefix.trim_end_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        // Files take longer than other answers of AWS.
        let timeouts = aws::timeouts(None).to_builder().operation_timeout(DOWNLOAD).build();
        // The emulator has no host name for each bucket.
        let path_style = config.endpoint_url().is_some();
        let config = Builder::from(config).force_path_style(path_style).timeout_config(timeouts).build();
        Ok(Self::S3 { client: Client::from_conf(config), bucket: bucket.to_owned(), prefix })
    }

    /// The manifest: the given file, or `manifest.jsonl` of the source.
    ///
    /// # Errors
    /// It cannot be read, is too long or is not UTF-8.
    pub(crate) async fn manifest(&self, file: Option<&PathBuf>) -> Result<String> {
        let (name, bytes) = match (file, self) {
            (Some(file), _) => (file.display().to_string(), local_manifest(file)?),
            (None, Self::Directory(path)) => {
                let file = path.join(MANIFEST);
                (file.display().to_string(), local_manifest(&file)?)
            }
            (None, Self::S3 { bucket, prefix, .. }) => {
                let name = format!("s3://{bucket}/{prefix}{MANIFEST}");
                let bytes = self.file(MANIFEST).await.with_context(|| format!("reading {name}"))?;
                (name, bytes.to_vec())
            }
        };
        String::from_utf8(bytes).with_context(|| format!("{name} is not in UTF-8"))
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// [`LineError::Refused`] if it does not exist or cannot be read.
    pub(crate) async fn file(&self, path: &str) -> Result<Bytes, LineError> {
        match self {
            Self::Directory(root) => {
                let (root, path) = (root.clone(), path.to_owned());
                let read = tokio::task::spawn_blocking(move || local_file(&root, &path)).await;
                read.map_err(CallError::internal)?
            }
            Self::S3 { client, bucket, prefix } => {
                let object = client.get_object().bucket(bucket).key(format!("{prefix}{path}")).send().await;
                let object = object.map_err(|error| object_error(error, path))?;
                let length = object.content_length.unwrap_or_default();
                check_length(u64::try_from(length).unwrap_or_default(), path)?;
                let bytes = object.body.collect().await;
                Ok(bytes.map_err(|cause| CallError::Unavailable(cause.into()))?.into_bytes())
            }
        }
    }
}

fn local_manifest(file: &Path) -> Result<Vec<u8>> {
    let read = || format!("reading {}", file.display());
    let length = fs::metadata(file).with_context(read)?.len();
    ensure!(length <= MAX_MANIFEST_BYTES, "{} has more than {MAX_MANIFEST_BYTES} bytes", file.display());
    fs::read(file).with_context(read)
}

fn local_file(root: &Path, path: &str) -> Result<Bytes, LineError> {
    let cannot_read = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => no_file(path),
        _ => refused(format!("the file {path} cannot be read: {error}")),
    };
    let file = fs::canonicalize(root.join(path)).map_err(cannot_read)?;
    // A symbolic link could lead to any file of this machine.
    if !file.starts_with(root) {
        return Err(refused(format!("the file {path} is a link to a place outside the directory")));
    }
    let metadata = fs::metadata(&file).map_err(cannot_read)?;
    if !metadata.is_file() {
        return Err(refused(format!("{path} is not a file")));
    }
    check_length(metadata.len(), path)?;
    Ok(fs::read(&file).map_err(cannot_read)?.into())
}

fn no_file(path: &str) -> LineError {
    refused(format!("there is no file {path}"))
}

fn check_length(bytes: u64, path: &str) -> Result<(), LineError> {
    if bytes > MAX_FILE_BYTES {
        return Err(refused(format!("the file {path} has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(())
}

fn object_error(error: SdkError<GetObjectError>, path: &str) -> LineError {
    match error.as_service_error() {
        Some(GetObjectError::NoSuchKey(_)) => no_file(path),
        _ => CallError::from(error).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_below_the_directory_are_read() {
        let root = std::env::temp_dir().join(format!("import-{}", std::process::id()));
        fs::create_dir_all(root.join("in")).unwrap();
        let root = fs::canonicalize(root).unwrap();
        fs::write(root.join("outside"), "secret").unwrap();
        fs::write(root.join("in/a"), "picture").unwrap();
        let _ = std::os::unix::fs::symlink(root.join("outside"), root.join("in/link"));
        let read = |path: &str| local_file(&root.join("in"), path).map_err(|error| error.to_string());
        assert_eq!(read("a").unwrap(), "picture");
        assert_eq!(read("b").unwrap_err(), "there is no file b");
        assert_eq!(read("link").unwrap_err(), "the file link is a link to a place outside the directory");
        fs::create_dir(root.join("in/folder")).unwrap();
        assert_eq!(read("folder").unwrap_err(), "folder is not a file");
        fs::remove_dir_all(root).unwrap();
    }
}
