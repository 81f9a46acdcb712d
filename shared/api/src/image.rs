//! Images in responses.

use domain::{
    Analysis, ContentType, DropboxCopy, Failure, FocalPoint, Image, ImageId, Link, Links, PhoneNumber,
    Placeholder, PresignedUpload, Progress, SetPlace, Status, Thumbnail, Timestamp, Trash, UploadLinkId,
};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{ImageFields, ImageParts, exif::ExifBody};

/// An image in a response. All endpoints use this shape.
///
/// `status` describes the latest upload. `thumbnails` belong to the current picture, which is an older one while a
/// replacement is in progress. Members without a value are null.
#[derive(Debug)]
pub struct ImageBody<'a> {
    /// The members that the response contains.
    fields: ImageFields,
    id: ImageId,
    file_name: &'a str,
    title: Option<&'a str>,
    description: Option<&'a str>,
    content_type: ContentType,
    size: u64,
    width: Option<u32>,
    height: Option<u32>,
    version: u32,
    status: Status,
    failure: Option<&'a Failure>,
    created_at: Timestamp,
    updated_at: Timestamp,
    uploaded_at: Option<Timestamp>,
    thumbnails: Vec<ThumbnailBody>,
    srcset: Option<String>,
    focal_point: Option<FocalPoint>,
    placeholder: Option<&'a Placeholder>,
    exif: Option<ExifBody<'a>>,
    original_url: Option<String>,
    set: Option<SetPlace>,
    phone_number: Option<&'a PhoneNumber>,
    upload_link: Option<&'a UploadLinkId>,
    source_image_id: Option<ImageId>,
    edit_prompt: Option<&'a str>,
    edit_image_id: Option<ImageId>,
    analysis: Option<AnalysisBody<'a>>,
    dropbox_url: Option<String>,
    dropbox: Option<DropboxBody<'a>>,
    trash: Option<TrashBody>,
}

/// Lists the members of an image in the order of the response. A member that is missing here does not compile.
macro_rules! members {
    ($($name:ident)*) => {
        impl ImageFields {
            /// The names of all members.
            pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];
        }

        impl Serialize for ImageBody<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let Self { fields, $($name),* } = self;
                let mut contained = fields.each();
                let mut map = serializer.serialize_map(None)?;
                $(if contained.next() == Some(true) {
                    map.serialize_entry(stringify!($name), $name)?;
                })*
                map.end()
            }
        }
    };
}

members! {
    id file_name title description content_type size width height version status failure created_at updated_at uploaded_at
    thumbnails srcset focal_point placeholder exif original_url set phone_number upload_link source_image_id edit_prompt
    edit_image_id analysis dropbox_url dropbox trash
}

#[derive(Debug, Serialize)]
struct ThumbnailBody {
    size: u32,
    width: u32,
    height: u32,
    content_type: String,
    url: String,
}

/// An analysis and its result.
#[derive(Debug, Serialize)]
struct AnalysisBody<'a> {
    status: Progress,
    prompt: Option<&'a str>,
    description: Option<&'a str>,
    tags: &'a [String],
    answer: Option<&'a str>,
    model: Option<&'a str>,
    completed_at: Option<Timestamp>,
    failure: Option<&'a Failure>,
}

impl<'a> AnalysisBody<'a> {
    fn new(analysis: &'a Analysis) -> Self {
        let findings = analysis.findings.as_ref();
        Self {
            status: analysis.status,
            prompt: analysis.prompt.as_ref().map(domain::Prompt::as_str),
            description: findings.map(|found| found.description.as_str()),
            tags: findings.map_or(&[], |found| &found.tags),
            answer: findings.and_then(|found| found.answer.as_deref()),
            model: findings.map(|found| found.model.as_str()),
            completed_at: analysis.completed_at,
            failure: analysis.failure.as_ref(),
        }
    }
}

/// The progress of the copy in Dropbox.
#[derive(Debug, Serialize)]
struct DropboxBody<'a> {
    status: Progress,
    failure: Option<&'a Failure>,
}

impl<'a> DropboxBody<'a> {
    fn new(dropbox_copy: &'a DropboxCopy) -> Self {
        Self { status: dropbox_copy.status, failure: dropbox_copy.failure.as_ref() }
    }
}

/// When an image was moved to the trash, and when it is deleted.
#[derive(Debug, Serialize)]
struct TrashBody {
    moved_at: Timestamp,
    deleted_at: Timestamp,
}

impl From<Trash> for TrashBody {
    fn from(trash: Trash) -> Self {
        Self { moved_at: trash.moved_at, deleted_at: trash.deleted_at() }
    }
}

impl<'a> ImageBody<'a> {
    /// Whether the image has a picture that clients see.
    pub(crate) fn has_picture(&self) -> bool {
        self.placeholder.is_some()
    }

    /// The body of an image with these addresses.
    #[must_use]
    pub fn new(image: &'a Image, links: Links) -> Self {
        let srcset = srcset(&links.thumbnails);
        let thumbnails = links.thumbnails.into_iter().map(|(thumbnail, link)| ThumbnailBody {
            size: thumbnail.size,
            width: thumbnail.width,
            height: thumbnail.height,
            content_type: thumbnail.content_type,
            url: link.url,
        });
        let (picture, upload) = (image.picture.as_ref(), image.shown_upload());
        let exif = picture.map(|picture| &picture.exif).filter(|exif| !exif.is_empty());
        Self {
            fields: ImageFields::ALL,
            id: image.id,
            file_name: image.file_name.as_str(),
            title: image.title.as_ref().map(domain::Title::as_str),
            description: image.description.as_ref().map(domain::Description::as_str),
            content_type: upload.content_type,
            size: upload.size.bytes(),
            width: picture.map(|picture| picture.width),
            height: picture.map(|picture| picture.height),
            version: image.shown_version(),
            status: image.status,
            failure: image.failure.as_ref(),
            created_at: image.created_at,
            updated_at: image.updated_at,
            uploaded_at: image.uploaded_at,
            thumbnails: thumbnails.collect(),
            srcset,
            focal_point: image.focal_point,
            placeholder: picture.map(|picture| &picture.placeholder),
            exif: exif.map(ExifBody::new),
            original_url: links.original.map(|link| link.url),
            set: image.set,
            phone_number: image.phone_number.as_ref(),
            upload_link: image.upload_link.as_ref(),
            source_image_id: image.source_image_id,
            edit_prompt: image.edit_prompt.as_ref().map(domain::Prompt::as_str),
            edit_image_id: image.edit_image_id,
            analysis: image.analysis.as_ref().map(AnalysisBody::new),
            dropbox_url: links.dropbox,
            dropbox: image.dropbox_copy.as_ref().map(DropboxBody::new),
            trash: image.trash.map(TrashBody::from),
        }
    }

    /// The body with the parts that a client wants in a list.
    #[must_use]
    pub fn only(self, parts: ImageParts) -> Self {
        Self { fields: parts.fields, srcset: self.srcset.filter(|_| parts.srcset), ..self }
    }

    /// The body for anyone but the owner. Two members are null: the place at which the picture was taken, and the id of
    /// the upload link, with which anyone can send pictures to the owner.
    #[must_use]
    pub fn for_others(self) -> Self {
        Self { upload_link: None, exif: self.exif.map(ExifBody::without_location), ..self }
    }
}

/// The value of the attribute `srcset` of an `img`: each address with its width (HTML, "4.8.4.2.1 Srcset attributes").
///
/// It is a member of the image and not of its thumbnails, because an `img` has one `srcset` for all sizes.
fn srcset(thumbnails: &[(Thumbnail, Link)]) -> Option<String> {
    let mut candidates: Vec<String> = Vec::with_capacity(thumbnails.len());
    let mut width = 0;
    for (thumbnail, link) in thumbnails {
        // All sizes above that of the original have the same picture. A width may occur once.
        if thumbnail.width > width {
            width = thumbnail.width;
            candidates.push(format!("{} {width}w", link.url));
        }
    }
    (!candidates.is_empty()).then(|| candidates.join(", "))
}

/// A presigned upload, in the shape that Uppy's AwsS3 plugin expects from `getUploadParameters`.
#[derive(Debug, Serialize)]
pub struct UploadBody {
    method: &'static str,
    url: String,
    headers: serde_json::Map<String, serde_json::Value>,
    expires_at: Timestamp,
    /// Seconds from now.
    expires: i64,
}

impl UploadBody {
    /// The body of a presigned upload. `now` is the time of the response.
    ///
    /// The body leaves out the signed headers `content-length` and `host`, because browsers set them and scripts must
    /// not.
    #[must_use]
    pub fn new(upload: PresignedUpload, now: Timestamp) -> Self {
        let set_by_browser = |name: &str| matches!(name, "host" | "content-length");
        let headers = upload.headers.into_iter().filter(|(name, _)| !set_by_browser(name));
        Self {
            method: "PUT",
            url: upload.url,
            headers: headers.map(|(name, value)| (name, value.into())).collect(),
            expires_at: upload.expires_at,
            expires: upload.expires_at.as_second() - now.as_second(),
        }
    }
}

/// A new image and its presigned upload.
#[derive(Debug, Serialize)]
pub struct CreatedBody<'a> {
    /// The pending image.
    pub image: ImageBody<'a>,
    /// The presigned upload.
    pub upload: UploadBody,
}

impl<'a> CreatedBody<'a> {
    /// A new image with its presigned upload. `now` is the time at which it was signed.
    #[must_use]
    pub fn new(image: &'a Image, upload: PresignedUpload, now: Timestamp) -> Self {
        Self { image: ImageBody::new(image, Links::default()), upload: UploadBody::new(upload, now) }
    }
}
