//! Which versions of an image are kept, and how many bytes they count against the quota.

use super::{Image, Status};

impl Image {
    /// Whether the objects of a version are kept and count against the quota. The version of the picture is kept. So is
    /// the latest upload, unless it is a replacement that failed or expired.
    #[must_use]
    pub fn keeps_version(&self, version: u32) -> bool {
        match &self.picture {
            Some(picture) if picture.version == version => true,
            Some(_) => version == self.version && matches!(self.status, Status::Pending | Status::Processing),
            None => version == self.version,
        }
    }

    /// The bytes that the image counts against the quota: the declared sizes of the versions that are kept.
    #[must_use]
    pub fn quota_bytes(&self) -> u64 {
        let picture = self.picture.as_ref();
        let served = picture.map_or(0, |picture| picture.upload.size.bytes());
        let is_served = picture.is_some_and(|picture| picture.version == self.version);
        let latest =
            if !is_served && self.keeps_version(self.version) { self.upload.size.bytes() } else { 0 };
        served + latest
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{image, replaced};
    use super::*;

    #[test]
    fn a_replacement_counts_beside_the_picture_until_it_is_decided() {
        for (status, bytes, shown) in [
            (Status::Pending, 17, 2),
            (Status::Processing, 17, 2),
            (Status::Failed, 10, 2),
            // The replacement expired: only the old picture is left.
            (Status::Ready, 10, 1),
        ] {
            let image = replaced(status);
            assert_eq!((image.quota_bytes(), image.shown_version()), (bytes, shown), "{status:?}");
            assert!(image.keeps_version(1));
            assert_eq!(image.keeps_version(2), bytes == 17);
        }
    }

    #[test]
    fn a_first_upload_counts_in_every_state() {
        for status in [Status::Pending, Status::Processing, Status::Failed] {
            let mut image = image(7);
            image.status = status;
            assert_eq!(
                (image.quota_bytes(), image.keeps_version(1), image.keeps_version(2)),
                (7, true, false)
            );
        }
        let mut image = replaced(Status::Ready);
        image.picture.as_mut().unwrap().version = 2;
        assert_eq!((image.quota_bytes(), image.keeps_version(1), image.keeps_version(2)), (10, false, true));
    }
}
