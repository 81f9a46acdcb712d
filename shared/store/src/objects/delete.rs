//! Deletes files of images.
//!
//! The buckets keep versions. A deletion without a version id hides the object behind a delete marker, and nobody can
//! read it any more. S3 deletes it for good after the days of the parameter `RecoveryDays`, and then the marker ("Working
//! with delete markers", Amazon S3 User Guide). No function may delete a version (`s3:DeleteObjectVersion`).

use std::time::Instant;

use aws::CallError;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use domain::{ImageId, ObjectKey, UserId};

use super::files::Objects;

impl Objects {
    /// Deletes all files of an image from both buckets.
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

    /// Deletes all files of a user from both buckets. Begins nothing after `until`. Returns whether there was enough time.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn remove_user(&self, user: &UserId, until: Instant) -> Result<bool, CallError> {
        let (prefix, downloads) = (domain::user_prefix(user), domain::downloads_prefix(user));
        let (uploads, derived, archives) = tokio::try_join!(
            self.remove_until(&self.uploads, &prefix, &|_| true, Some(until)),
            self.remove_until(&self.derived, &prefix, &|_| true, Some(until)),
            self.remove_until(&self.derived, &downloads, &|_| true, Some(until))
        )?;
        Ok(uploads && derived && archives)
    }

    /// Deletes the files of one version of an image from both buckets.
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

    /// Deletes the file of a rendition.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn remove_rendition(&self, key: &str) -> Result<(), CallError> {
        self.s3.delete_object().bucket(&self.derived).key(key).send().await?;
        Ok(())
    }

    /// Deletes the files of an image's versions up to `latest` from both buckets, except versions that the image keeps.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn remove_unneeded(
        &self,
        latest: &ObjectKey,
        is_kept: impl Fn(u32) -> bool,
    ) -> Result<(), CallError> {
        let prefix = domain::image_prefix(&latest.user, latest.image);
        let is_unneeded = |key: &str| {
            let version = key.strip_prefix(&prefix).and_then(|rest| rest.split('/').next()?.parse().ok());
            version.is_some_and(|version| version <= latest.version && !is_kept(version))
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
        self.remove_until(bucket, prefix, is_unneeded, None).await.map(drop)
    }

    /// Deletes files until there are none left, or until it is late. Returns whether there are none left.
    async fn remove_until(
        &self,
        bucket: &str,
        prefix: &str,
        is_unneeded: &impl Fn(&str) -> bool,
        until: Option<Instant>,
    ) -> Result<bool, CallError> {
        let mut pages = self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(false);
            }
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
        Ok(true)
    }
}
