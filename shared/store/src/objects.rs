//! Originals and derivatives in their two buckets.

use aws::CallError;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::{
    Client,
    config::Builder,
    error::SdkError,
    operation::get_object::{GetObjectError, GetObjectOutput},
    presigning::{PresignedRequest, PresigningConfig},
    primitives::ByteStream,
    types::{Delete, ObjectIdentifier},
};
use aws_types::SdkConfig;
use bytes::Bytes;
use domain::{
    ContentType, Image, ImageId, Link, Links, ObjectKey, Picture, Thumbnail, Tier, Timestamp, UploadTicket,
    UserId,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The two buckets. Signing an address calls nobody.
#[derive(Debug)]
pub struct Objects {
    s3: Client,
    uploads: String,
    derived: String,
}

/// A part of an original.
#[derive(Debug)]
pub struct OriginalPart {
    /// Its bytes.
    pub bytes: Bytes,
    /// How long the whole original is, in bytes.
    pub total: u64,
}

impl Objects {
    /// The longest that an upload's address works, in seconds.
    pub const UPLOAD_SECONDS: i64 = 15 * 60;
    /// For how long a picture keeps its address, in seconds, so that caches work.
    const LINK_ROUNDING_SECONDS: i64 = 15 * 60;
    /// How long an address works from the rounded time on; at least 45 minutes remain.
    const LINK_SECONDS: i64 = 60 * 60;

    /// The buckets that `UPLOADS_BUCKET` and `DERIVED_BUCKET` name.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self::new(config, aws::var("UPLOADS_BUCKET")?, aws::var("DERIVED_BUCKET")?))
    }

    /// The buckets with these names: of originals, and of derivatives.
    #[must_use]
    pub fn new(config: &SdkConfig, uploads: String, derived: String) -> Self {
        // An emulator has no host name for every bucket.
        let path_style = config.endpoint_url().is_some();
        let s3 = Client::from_conf(Builder::from(config).force_path_style(path_style).build());
        Self { s3, uploads, derived }
    }

    /// Signs the upload of an image: the exact type, length and checksum, and only where nothing lies yet.
    ///
    /// # Errors
    /// [`CallError::Internal`] where signing fails.
    pub async fn upload_ticket(
        &self,
        user: &UserId,
        image: &Image,
        now: Timestamp,
    ) -> Result<UploadTicket, CallError> {
        let left = image.upload_deadline().map_or(i64::MAX, |at| at - now.as_second());
        let seconds = left.clamp(1, Self::UPLOAD_SECONDS);
        let length = i64::try_from(image.upload.size.bytes()).map_err(CallError::internal)?;
        let signed = self
            .s3
            .put_object()
            .bucket(&self.uploads)
            .key(image.key(user).to_string())
            .content_type(image.upload.content_type.as_str())
            .content_length(length)
            .set_checksum_sha256(
                image.upload.checksum_sha256.as_ref().map(|digest| digest.as_str().to_owned()),
            )
            .if_none_match("*")
            .presigned(presigning(now, seconds)?)
            .await?;
        Ok(UploadTicket {
            url: signed.uri().to_owned(),
            headers: signed_headers(&signed),
            expires_at: after(now, seconds),
        })
    }

    /// Signs the addresses that a tier allows of an image: none before it has a picture, since what was not
    /// developed may be anything.
    ///
    /// # Errors
    /// [`CallError::Internal`] where signing fails.
    pub async fn links(
        &self,
        user: &UserId,
        image: &Image,
        tier: &Tier,
        now: Timestamp,
    ) -> Result<Links, CallError> {
        let sees = |thumbnail: &Thumbnail| tier.thumbnail_sizes.contains(&thumbnail.size);
        self.signed(user, image, sees, tier.original_link, now).await
    }

    /// Signs all addresses of an image, for admins.
    ///
    /// # Errors
    /// [`CallError::Internal`] where signing fails.
    pub async fn all_links(&self, user: &UserId, image: &Image, now: Timestamp) -> Result<Links, CallError> {
        self.signed(user, image, |_| true, true, now).await
    }

    async fn signed(
        &self,
        user: &UserId,
        image: &Image,
        sees: impl Fn(&Thumbnail) -> bool,
        sees_original: bool,
        now: Timestamp,
    ) -> Result<Links, CallError> {
        let mut links = Links::default();
        let Some(picture) = &image.picture else { return Ok(links) };
        for thumbnail in picture.thumbnails.iter().filter(|thumbnail| sees(thumbnail)) {
            let link = self.thumbnail_link(&image.key_of(user, picture.version), thumbnail, now).await?;
            links.thumbnails.push((thumbnail.clone(), link));
        }
        links.thumbnails.sort_by_key(|(thumbnail, _)| thumbnail.size);
        if sees_original {
            links.original =
                Some(self.original_link(user, image, picture, rounded(now), Self::LINK_SECONDS).await?);
        }
        Ok(links)
    }

    /// Signs the address of a thumbnail.
    ///
    /// # Errors
    /// [`CallError::Internal`] where signing fails.
    pub async fn thumbnail_link(
        &self,
        original: &ObjectKey,
        thumbnail: &Thumbnail,
        now: Timestamp,
    ) -> Result<Link, CallError> {
        let key = domain::derivative_key(original, thumbnail.size, &thumbnail.content_type);
        let get = self.s3.get_object().bucket(&self.derived).key(key);
        let start = rounded(now);
        Ok(link(get.presigned(presigning(start, Self::LINK_SECONDS)?).await?, start, Self::LINK_SECONDS))
    }

    /// Signs the address of a picture's original that works for `seconds` from `start` on, always as a download
    /// under the name it came with.
    ///
    /// # Errors
    /// [`CallError::Internal`] where signing fails.
    pub async fn original_link(
        &self,
        user: &UserId,
        image: &Image,
        picture: &Picture,
        start: Timestamp,
        seconds: i64,
    ) -> Result<Link, CallError> {
        let name = utf8_percent_encode(image.file_name.as_str(), NON_ALPHANUMERIC);
        let get = self
            .s3
            .get_object()
            .bucket(&self.uploads)
            .key(image.key_of(user, picture.version).to_string())
            .response_content_disposition(format!("attachment; filename*=UTF-8''{name}"));
        Ok(link(get.presigned(presigning(start, seconds)?).await?, start, seconds))
    }

    /// The bytes of an original, or `None` where nothing lies at the key.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn original(&self, key: &ObjectKey) -> Result<Option<Bytes>, CallError> {
        self.read(&self.uploads, key.to_string()).await
    }

    /// At most `max` bytes of an original from `start` on, or `None` where nothing lies at the key.
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
        let total = total.ok_or_else(|| CallError::internal("S3 does not say how long an object is"))?;
        Ok(Some(OriginalPart { bytes: collected(object.body).await?, total }))
    }

    async fn read(&self, bucket: &str, key: String) -> Result<Option<Bytes>, CallError> {
        match found(self.s3.get_object().bucket(bucket).key(key).send().await)? {
            Some(object) => Ok(Some(collected(object.body).await?)),
            None => Ok(None),
        }
    }

    /// The bytes of a thumbnail, or `None` where it is gone.
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

    /// Stores an original that was made here; the upload's event follows as for everybody's.
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
        self.s3
            .put_object()
            .bucket(&self.derived)
            .key(domain::derivative_key(original, size, content_type))
            .content_type(content_type)
            // A thumbnail never changes: another version of the picture has another key.
            .cache_control("private, max-age=31536000, immutable")
            .body(bytes.into())
            .send()
            .await?;
        Ok(())
    }

    /// Removes every object of an image from both buckets.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn remove_all(&self, user: &UserId, image: ImageId) -> Result<(), CallError> {
        let prefix = domain::image_prefix(user, image);
        tokio::try_join!(
            self.remove_prefix(&self.uploads, &prefix),
            self.remove_prefix(&self.derived, &prefix)
        )?;
        Ok(())
    }

    /// Removes the objects of one version of an image from both buckets.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn remove_version(&self, original: &ObjectKey) -> Result<(), CallError> {
        let prefix = domain::derivatives_prefix(original);
        let remove_original = async {
            self.s3.delete_object().bucket(&self.uploads).key(original.to_string()).send().await?;
            Ok::<_, CallError>(())
        };
        tokio::try_join!(remove_original, self.remove_prefix(&self.derived, &prefix))?;
        Ok(())
    }

    /// Removes the objects of an image's versions up to `latest`, but for those that the image holds, from both buckets.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn remove_unneeded(
        &self,
        latest: &ObjectKey,
        is_held: impl Fn(u32) -> bool,
    ) -> Result<(), CallError> {
        let prefix = domain::image_prefix(&latest.user, latest.image);
        let is_unneeded = |key: &str| {
            let version = key.strip_prefix(&prefix).and_then(|rest| rest.split('/').next()?.parse().ok());
            version.is_some_and(|version| version <= latest.version && !is_held(version))
        };
        tokio::try_join!(
            self.remove_where(&self.uploads, &prefix, &is_unneeded),
            self.remove_where(&self.derived, &prefix, &is_unneeded)
        )?;
        Ok(())
    }

    async fn remove_prefix(&self, bucket: &str, prefix: &str) -> Result<(), CallError> {
        self.remove_where(bucket, prefix, &|_| true).await
    }

    async fn remove_where(
        &self,
        bucket: &str,
        prefix: &str,
        is_unneeded: &impl Fn(&str) -> bool,
    ) -> Result<(), CallError> {
        let mut pages = self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let keys: Vec<_> = page?
                .contents
                .unwrap_or_default()
                .into_iter()
                .filter_map(|object| object.key.filter(|key| is_unneeded(key)))
                .filter_map(|key| ObjectIdentifier::builder().key(key).build().ok())
                .collect();
            if keys.is_empty() {
                continue;
            }
            let delete = Delete::builder().set_objects(Some(keys)).quiet(true).build();
            let delete = delete.map_err(CallError::internal)?;
            let answer = self.s3.delete_objects().bucket(bucket).delete(delete).send().await?;
            if let Some(error) = answer.errors().first() {
                return Err(CallError::internal(format!(
                    "{:?} of {:?}: {:?}",
                    error.code, error.key, error.message
                )));
            }
        }
        Ok(())
    }
}

/// An object, if there is one.
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

fn presigning(start: Timestamp, seconds: i64) -> Result<PresigningConfig, CallError> {
    let seconds = u64::try_from(seconds).map_err(CallError::internal)?;
    PresigningConfig::builder()
        .start_time(SystemTime::from(start))
        .expires_in(Duration::from_secs(seconds))
        .build()
        .map_err(CallError::internal)
}

/// The headers that the signature covers. The SDK puts unsigned ones beside them, such as a trace id, which
/// are not for the client to send.
fn signed_headers(request: &PresignedRequest) -> Vec<(String, String)> {
    let query = request.uri().split_once('?').map_or("", |(_, query)| query);
    let names =
        query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-SignedHeaders=")).unwrap_or_default();
    let is_signed = |header: &str| names.split("%3B").any(|name| name.eq_ignore_ascii_case(header));
    request
        .headers()
        .filter(|(name, _)| is_signed(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn rounded(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(Objects::LINK_ROUNDING_SECONDS)).unwrap_or(now)
}

fn after(start: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(start.as_second() + seconds).unwrap_or(Timestamp::MAX)
}

fn link(signed: PresignedRequest, start: Timestamp, seconds: i64) -> Link {
    Link { url: signed.uri().to_owned(), expires_at: after(start, seconds) }
}
