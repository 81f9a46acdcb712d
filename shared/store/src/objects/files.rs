//! Reads and stores originals and thumbnails.

use std::time::Duration;

use aws::CallError;
use aws_sdk_s3::{
    Client,
    config::Builder,
    error::SdkError,
    operation::get_object::{GetObjectError, GetObjectOutput},
    primitives::ByteStream,
};
use aws_types::SdkConfig;
use bytes::Bytes;
use domain::{ContentType, ObjectKey, Thumbnail, Timestamp};

use super::{addresses::Addresses, edge::Edge};

/// The two buckets.
#[derive(Debug)]
pub struct Objects {
    pub(super) s3: Client,
    pub(super) uploads: String,
    pub(super) derived: String,
    pub(super) addresses: Addresses,
}

/// A part of an original.
#[derive(Debug)]
pub struct OriginalPart {
    /// The bytes of the part.
    pub bytes: Bytes,
    /// The length of the whole original, in bytes.
    pub total: u64,
}

impl Objects {
    /// The buckets that the environment variables `UPLOADS_BUCKET` and `DERIVED_BUCKET` name. If `EDGE_DOMAIN` names a
    /// CloudFront distribution, addresses of files lead to it, and `EDGE_KEY_ID` and `EDGE_KEY_SECRET` name its key.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        let objects = Self::new(config, aws::var("UPLOADS_BUCKET")?, aws::var("DERIVED_BUCKET")?);
        Ok(match Edge::from_env(config)? {
            Some(edge) => Self { addresses: Addresses::Edge(edge), ..objects },
            None => objects,
        })
    }

    /// The bucket `uploads` stores originals, the bucket `derived` stores thumbnails. Addresses are presigned URLs of S3.
    #[must_use]
    pub fn new(config: &SdkConfig, uploads: String, derived: String) -> Self {
        // The emulator has no host name for each bucket.
        let path_style = config.endpoint_url().is_some();
        // The files are up to several megabytes, so an attempt to store one takes longer than other calls.
        let timeouts = aws::timeouts(Some(Duration::from_secs(4)));
        let s3 = Builder::from(config).force_path_style(path_style).timeout_config(timeouts).build();
        let s3 = Client::from_conf(s3);
        let addresses = Addresses::s3(config, &s3, uploads.clone(), derived.clone());
        Self { s3, uploads, derived, addresses }
    }

    /// The bytes of an original, or `None` if it does not exist.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn original(&self, key: &ObjectKey) -> Result<Option<Bytes>, CallError> {
        self.read(&self.uploads, key.to_string()).await
    }

    /// When an original arrived, or `None` if it does not exist.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn arrived_at(&self, key: &ObjectKey) -> Result<Option<Timestamp>, CallError> {
        match self.s3.head_object().bucket(&self.uploads).key(key.to_string()).send().await {
            Ok(head) => {
                let modified = head.last_modified.and_then(|time| Timestamp::from_second(time.secs()).ok());
                Ok(Some(modified.unwrap_or_else(domain::now)))
            }
            // The response to a HEAD request has no body, and so no code of an error.
            Err(error) if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 404) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// At most `max` bytes of an original from `start` on, or `None` if it does not exist.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn original_part(
        &self,
        key: &ObjectKey,
        start: u64,
        max: u64,
    ) -> Result<Option<OriginalPart>, CallError> {
        let range = format!("bytes={start}-{}", start + max - 1);
        let get = self.s3.get_object().bucket(&self.uploads).key(key.to_string()).range(range);
        let Some(object) = found(get.send().await)? else { return Ok(None) };
        // `bytes 0-99/1234` (RFC 9110, 14.4).
        let total = object.content_range.as_deref().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        let total = total.ok_or_else(|| CallError::internal("S3 did not return the length of an object"))?;
        Ok(Some(OriginalPart { bytes: collected(object.body).await?, total }))
    }

    async fn read(&self, bucket: &str, key: String) -> Result<Option<Bytes>, CallError> {
        match found(self.s3.get_object().bucket(bucket).key(key).send().await)? {
            Some(object) => Ok(Some(collected(object.body).await?)),
            None => Ok(None),
        }
    }

    /// The bytes of a thumbnail, or `None` if it does not exist.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn thumbnail(
        &self,
        original: &ObjectKey,
        thumbnail: &Thumbnail,
    ) -> Result<Option<Bytes>, CallError> {
        let key = domain::derivative_key(original, thumbnail.size, &thumbnail.content_type);
        self.read(&self.derived, key).await
    }

    /// Stores an original that a worker created. S3 sends the same event as for a user's upload.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_original(
        &self,
        key: &ObjectKey,
        content_type: ContentType,
        bytes: Bytes,
    ) -> Result<(), CallError> {
        let put = self.s3.put_object().bucket(&self.uploads).key(key.to_string());
        put.content_type(content_type.as_str()).body(bytes.into()).send().await?;
        Ok(())
    }

    /// Stores a thumbnail of an original.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_thumbnail(
        &self,
        original: &ObjectKey,
        size: u32,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), CallError> {
        self.put_derived(domain::derivative_key(original, size, content_type), content_type, bytes).await
    }

    /// Stores a rendition. The key is that of the rendition.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_rendition(
        &self,
        key: String,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), CallError> {
        self.put_derived(key, content_type, bytes).await
    }

    async fn put_derived(&self, key: String, content_type: &str, bytes: Vec<u8>) -> Result<(), CallError> {
        self.s3
            .put_object()
            .bucket(&self.derived)
            .key(key)
            .content_type(content_type)
            // The file never changes, because the key contains the version.
            .cache_control("private, max-age=31536000, immutable")
            .body(bytes.into())
            .send()
            .await?;
        Ok(())
    }
}

/// The object, or `None` if it does not exist.
fn found(
    answer: Result<GetObjectOutput, SdkError<GetObjectError>>,
) -> Result<Option<GetObjectOutput>, CallError> {
    match answer {
        Ok(object) => Ok(Some(object)),
        Err(error) if matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_))) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn collected(body: ByteStream) -> Result<Bytes, CallError> {
    let body = body.collect().await.map_err(|cause| CallError::Unavailable(cause.into()))?;
    Ok(body.into_bytes())
}
