//! Calls to S3.

use anyhow::Result;
use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Aws, elements};
use crate::Answer;

impl Aws {
    /// The keys in a bucket that begin with `prefix`.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Result<Vec<String>> {
        let prefix = utf8_percent_encode(prefix, NON_ALPHANUMERIC);
        let (mut keys, mut rest) = (Vec::new(), String::new());
        loop {
            let uri = format!("{}/?list-type=2&prefix={prefix}{rest}", self.bucket(bucket));
            let page = self.send("s3", Request::get(uri).body(Vec::new())?).await?.expect(200)?.text();
            keys.extend(elements(&page, "Key").map(str::to_owned));
            let Some(token) = elements(&page, "NextContinuationToken").next() else { return Ok(keys) };
            rest = format!("&continuation-token={}", utf8_percent_encode(token, NON_ALPHANUMERIC));
        }
    }

    /// The versions of an object, newest first: each version's id, and whether it is a delete marker.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn versions(&self, bucket: &str, key: &str) -> Result<Vec<(String, bool)>> {
        let prefix = utf8_percent_encode(key, NON_ALPHANUMERIC);
        let uri = format!("{}/?prefix={prefix}&versions=", self.bucket(bucket));
        let answer = self.send("s3", Request::get(uri).body(Vec::new())?).await?.expect(200)?.text();
        let of = |name: &str, is_marker: bool| {
            let entries: Vec<_> = elements(&answer, name).collect();
            let ids = entries.into_iter().filter_map(|entry| elements(entry, "VersionId").next());
            ids.map(|id| (id.to_owned(), is_marker)).collect::<Vec<_>>()
        };
        Ok([of("DeleteMarker", true), of("Version", false)].concat())
    }

    /// Deletes a version of an object, or a delete marker.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn delete_version(&self, bucket: &str, key: &str, version: &str) -> Result<()> {
        let version = utf8_percent_encode(version, NON_ALPHANUMERIC);
        let uri = format!("{}/{key}?versionId={version}", self.bucket(bucket));
        self.send("s3", Request::delete(uri).body(Vec::new())?).await?.expect(204).map(drop)
    }

    /// An object, if it exists.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn object(&self, bucket: &str, key: &str) -> Result<Option<Answer>> {
        let uri = format!("{}/{key}", self.bucket(bucket));
        let answer = self.send("s3", Request::get(uri).body(Vec::new())?).await?;
        if answer.status == 404 { Ok(None) } else { answer.expect(200).map(Some) }
    }

    /// Stores an object.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn put_object(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<()> {
        let uri = format!("{}/{key}", self.bucket(bucket));
        self.send("s3", Request::put(uri).body(bytes)?).await?.expect(200).map(drop)
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn delete_object(&self, bucket: &str, key: &str) -> Result<()> {
        let uri = format!("{}/{key}", self.bucket(bucket));
        self.send("s3", Request::delete(uri).body(Vec::new())?).await?.expect(204).map(drop)
    }
}
