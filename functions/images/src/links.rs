//! Code that the endpoints of expiring links share.

use std::path::Path;

use api::{Problem, Request};
use domain::{
    ExpiringLink, Image, LinkId, Picture, Rendition, RenditionOptions, StoredRendition, Tier, Timestamp,
};
use serde::Serialize;
use store::{Records, RenditionItem};

use crate::RenditionWorker;

/// The id of an expiring link in the path: `{link_id}`.
///
/// # Errors
/// 404 `link-not-found` if the id has another form.
pub fn link_in_path(request: &Request) -> Result<LinkId, Problem> {
    api::path(request, "link_id").parse().map_err(|_| Problem::link_not_found())
}

/// Whether a tier allows a link, and the rendition that the link shows, if it shows one.
///
/// # Errors
/// 403 `links-not-in-tier` or `renditions-not-in-tier`
pub fn check_tier(tier: &Tier, is_rendition: bool) -> Result<(), Problem> {
    if !tier.expiring_links {
        return Err(Problem::links_not_in_tier(tier));
    }
    if is_rendition && !tier.renditions {
        return Err(Problem::renditions_not_in_tier(tier));
    }
    Ok(())
}

/// An expiring link in its owner's responses.
#[derive(Debug, Serialize)]
pub struct LinkBody<'a> {
    id: &'a LinkId,
    /// The public address.
    url: String,
    rendition: Option<RenditionOptions>,
    strip_metadata: bool,
    download: bool,
    views: u64,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl<'a> LinkBody<'a> {
    /// The body of a link. `page` is the address of the web page.
    #[must_use]
    pub fn new(link: &'a ExpiringLink, page: &str) -> Self {
        Self {
            id: &link.id,
            url: format!("{page}l/{}", link.id),
            rendition: link.rendition,
            strip_metadata: link.strip_metadata,
            download: link.download,
            views: link.views,
            created_at: link.created_at,
            expires_at: Timestamp::from_second(link.expires_at).unwrap_or(Timestamp::MAX),
        }
    }
}

/// What Darkroom has made from the original for a link, or makes now if it does not exist yet. `None` if the link shows the
/// original as it is. `stripped` is the original without metadata, as it was read before.
///
/// # Errors
/// As [`RenditionWorker::rendition`].
pub async fn shown_rendition(
    records: &Records,
    worker: &RenditionWorker,
    link: &ExpiringLink,
    (image, picture): (&Image, &Picture),
    stripped: Option<RenditionItem>,
    now: Timestamp,
) -> Result<Option<StoredRendition>, Problem> {
    let user = link.id.user();
    let Some(rendition) = link.shown_rendition() else { return Ok(None) };
    let stored = match rendition {
        Rendition::StrippedOriginal => {
            let original = image.key_of(user, picture.version);
            worker.rendition_found(records, &original, picture, &rendition, stripped, now).await
        }
        Rendition::Picture(_) => worker.rendition(records, user, image, picture, &rendition, now).await,
    };
    stored.map(Some)
}

/// The file name of what was made from a file with this name. Its extension is that of the media type.
#[must_use]
pub fn file_name_of_rendition(file_name: &str, content_type: &str) -> String {
    let extension = match content_type {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "image/avif" => "avif",
        "image/gif" => "gif",
        "image/heic" => "heic",
        "image/bmp" => "bmp",
        _ => return file_name.to_owned(),
    };
    Path::new(file_name).with_extension(extension).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_extension_of_its_media_type() {
        for (file_name, content_type, name) in [
            ("cat.jpg", "image/webp", "cat.webp"),
            ("IMG_1.JPEG", "image/jpeg", "IMG_1.jpg"),
            ("a.b.tif", "image/png", "a.b.png"),
            ("cat", "image/avif", "cat.avif"),
            ("cat.svg", "image/svg+xml", "cat.svg"),
        ] {
            assert_eq!(file_name_of_rendition(file_name, content_type), name);
        }
    }
}
