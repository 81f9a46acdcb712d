//! Presigned URLs for uploads and downloads. Signing needs no call.

use std::time::{Duration, SystemTime};

use aws::CallError;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use domain::{Image, Link, Links, ObjectKey, Picture, Thumbnail, Tier, Timestamp, UploadTicket, UserId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::files::Objects;

impl Objects {
    /// The maximum lifetime of an upload's URL, in seconds.
    pub const UPLOAD_SECONDS: i64 = 15 * 60;
    /// The time for which a file keeps the same URL, in seconds, so that caches work.
    const LINK_ROUNDING_SECONDS: i64 = 15 * 60;
    /// The lifetime of a URL from the rounded time, in seconds. At least 45 minutes remain.
    const LINK_SECONDS: i64 = 60 * 60;

    /// Signs the URL for an upload. The signature fixes the media type, the length and the checksum. S3 refuses the upload
    /// if the object exists.
    ///
    /// # Errors
    /// [`CallError::Internal`] if signing fails.
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

    /// Signs the URLs of an image that a tier allows. An image without a picture has none, because its file was not
    /// checked yet.
    ///
    /// # Errors
    /// [`CallError::Internal`] if signing fails.
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

    /// Signs all URLs of an image, for admins.
    ///
    /// # Errors
    /// [`CallError::Internal`] if signing fails.
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
            links.dropbox = image.dropbox_copy.as_ref().and_then(|dropbox_copy| dropbox_copy.url.clone());
        }
        Ok(links)
    }

    /// Signs the URL of a thumbnail.
    ///
    /// # Errors
    /// [`CallError::Internal`] if signing fails.
    pub async fn thumbnail_link(
        &self,
        original: &ObjectKey,
        thumbnail: &Thumbnail,
        now: Timestamp,
    ) -> Result<Link, CallError> {
        let key = domain::derivative_key(original, thumbnail.size, &thumbnail.content_type);
        let start = rounded(now);
        let url = self.thumbnail_urls.url(&key, None, start, Self::LINK_SECONDS).await?;
        Ok(Link { url, expires_at: after(start, Self::LINK_SECONDS) })
    }

    /// Signs the URL of a picture's original. It works for `seconds` from `start` on. Browsers download the file under
    /// the image's file name.
    ///
    /// # Errors
    /// [`CallError::Internal`] if signing fails.
    pub async fn original_link(
        &self,
        user: &UserId,
        image: &Image,
        picture: &Picture,
        start: Timestamp,
        seconds: i64,
    ) -> Result<Link, CallError> {
        let name = utf8_percent_encode(image.file_name.as_str(), NON_ALPHANUMERIC);
        let disposition = format!("attachment; filename*=UTF-8''{name}");
        let key = image.key_of(user, picture.version).to_string();
        let url = self.original_urls.url(&key, Some(&disposition), start, seconds).await?;
        Ok(Link { url, expires_at: after(start, seconds) })
    }
}

fn presigning(start: Timestamp, seconds: i64) -> Result<PresigningConfig, CallError> {
    let seconds = u64::try_from(seconds).map_err(CallError::internal)?;
    PresigningConfig::builder()
        .start_time(SystemTime::from(start))
        .expires_in(Duration::from_secs(seconds))
        .build()
        .map_err(CallError::internal)
}

/// The headers that the signature covers. The SDK adds unsigned ones, such as a trace id, which clients must not send.
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
