//! Presigned URLs for uploads, and addresses of files.

use std::time::{Duration, SystemTime};

use aws::CallError;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use domain::{
    Image, Link, Links, ObjectKey, PresignedUpload, StoredRendition, Thumbnail, Tier, Timestamp, UserId,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    addresses::{Lifetime, after},
    choice::AddressChoice,
    files::Objects,
    target::{Bucket, Family, File},
};

impl Objects {
    /// The maximum lifetime of an upload's URL, in seconds.
    pub const UPLOAD_SECONDS: i64 = 15 * 60;

    /// Signs the URL for an upload. The signature fixes the media type and the length, and the checksum if the client
    /// declared one. S3 refuses the upload if the object exists.
    ///
    /// # Errors
    /// [`CallError::Internal`] if signing fails.
    pub async fn presigned_upload(
        &self,
        user: &UserId,
        image: &Image,
        now: Timestamp,
    ) -> Result<PresignedUpload, CallError> {
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
        Ok(PresignedUpload {
            url: signed.uri().to_owned(),
            headers: signed_headers(&signed),
            expires_at: after(now, seconds),
        })
    }

    /// Reads what the first address needs: with a CloudFront distribution, the private key. Call it at the same time as
    /// the first call of a request. On an instance that has made an address before, and without a distribution, it
    /// makes no call.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn prepare_addresses(&self) -> Result<(), CallError> {
        self.addresses.prepare().await
    }

    /// The addresses of an image that a tier allows. An image without a picture has none, because its file was not
    /// checked yet.
    ///
    /// # Errors
    /// [`CallError`] if signing fails.
    pub async fn links(
        &self,
        user: &UserId,
        image: &Image,
        tier: &Tier,
        now: Timestamp,
    ) -> Result<Links, CallError> {
        self.signed(user, image, Some(tier), AddressChoice::ALL, Place::Alone, now).await
    }

    /// The addresses of an image in a list: those of `choice` that a tier allows. They are cheaper to make than those
    /// of [`Objects::links`], because the images of a user share signatures.
    ///
    /// # Errors
    /// [`CallError`] if signing fails.
    pub async fn links_in_list(
        &self,
        user: &UserId,
        image: &Image,
        tier: &Tier,
        choice: AddressChoice,
        now: Timestamp,
    ) -> Result<Links, CallError> {
        self.signed(user, image, Some(tier), choice, Place::InList, now).await
    }

    /// All addresses of an image, for admins.
    ///
    /// # Errors
    /// [`CallError`] if signing fails.
    pub async fn all_links(&self, user: &UserId, image: &Image, now: Timestamp) -> Result<Links, CallError> {
        self.signed(user, image, None, AddressChoice::ALL, Place::Alone, now).await
    }

    /// The addresses of an image in a list for admins: those of `choice`.
    ///
    /// # Errors
    /// [`CallError`] if signing fails.
    pub async fn all_links_in_list(
        &self,
        user: &UserId,
        image: &Image,
        choice: AddressChoice,
        now: Timestamp,
    ) -> Result<Links, CallError> {
        self.signed(user, image, None, choice, Place::InList, now).await
    }

    /// Without a tier, no address is left out.
    async fn signed(
        &self,
        user: &UserId,
        image: &Image,
        tier: Option<&Tier>,
        choice: AddressChoice,
        place: Place,
        now: Timestamp,
    ) -> Result<Links, CallError> {
        let mut links = Links::default();
        let Some(picture) = &image.picture else { return Ok(links) };
        let original = image.key_of(user, picture.version);
        let sees = |size| tier.is_none_or(|tier| tier.thumbnail_sizes.contains(&size));
        for thumbnail in choice.thumbnails.of(&picture.thumbnails, sees) {
            let link = self.thumbnail_link(&original, thumbnail, now).await?;
            links.thumbnails.push((thumbnail.clone(), link));
        }
        if tier.is_some_and(|tier| !tier.original_link) {
            return Ok(links);
        }
        if choice.original {
            let family = Family { original: &original, rest: ANY_DOWNLOAD };
            let family = (place == Place::InList).then_some(family);
            links.original = Some(self.download(image, &original, family, Lifetime::Original(now)).await?);
        }
        links.dropbox = image.dropbox_copy.as_ref().and_then(|dropbox_copy| dropbox_copy.url.clone());
        Ok(links)
    }

    /// The address of a thumbnail.
    ///
    /// # Errors
    /// [`CallError`] if signing fails.
    pub async fn thumbnail_link(
        &self,
        original: &ObjectKey,
        thumbnail: &Thumbnail,
        now: Timestamp,
    ) -> Result<Link, CallError> {
        let key = domain::derivative_key(original, thumbnail.size, &thumbnail.content_type);
        let rest = key.get(original.to_string().len()..).unwrap_or_default();
        let family = Some(Family { original, rest });
        let file = File { bucket: Bucket::Derived, key: &key, disposition: None, family };
        self.addresses.link(file, Lifetime::Picture(now)).await
    }

    /// The address of a rendition.
    ///
    /// # Errors
    /// [`CallError`] if signing fails.
    pub async fn rendition_link(
        &self,
        rendition: &StoredRendition,
        now: Timestamp,
    ) -> Result<Link, CallError> {
        let file = File { bucket: Bucket::Derived, key: &rendition.key, disposition: None, family: None };
        self.addresses.link(file, Lifetime::Picture(now)).await
    }

    async fn download(
        &self,
        image: &Image,
        original: &ObjectKey,
        family: Option<Family<'_>>,
        lifetime: Lifetime,
    ) -> Result<Link, CallError> {
        let disposition = content_disposition(true, image.file_name.as_str());
        let key = original.to_string();
        let file = File { bucket: Bucket::Originals, key: &key, disposition: Some(&disposition), family };
        self.addresses.link(file, lifetime).await
    }
}

/// The value of `Content-Disposition` with which a browser stores or shows a file with this name (RFC 6266).
#[must_use]
pub fn content_disposition(is_download: bool, file_name: &str) -> String {
    let kind = if is_download { "attachment" } else { "inline" };
    format!("{kind}; filename*=UTF-8''{}", utf8_percent_encode(file_name, NON_ALPHANUMERIC))
}

/// Where an address appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// With one image.
    Alone,
    /// In a list of images.
    InList,
}

/// What follows the version in the URL of an original that is downloaded, whatever its file name is.
const ANY_DOWNLOAD: &str = "?response-content-disposition=attachment%3B*";

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

#[cfg(test)]
mod tests {
    use super::content_disposition;

    #[test]
    fn a_file_name_is_escaped() {
        let download = content_disposition(true, "a b€.jpg");
        assert_eq!(download, "attachment; filename*=UTF-8''a%20b%E2%82%AC%2Ejpg");
        assert_eq!(content_disposition(false, "a"), "inline; filename*=UTF-8''a");
    }
}
