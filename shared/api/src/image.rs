//! Images in responses.

use domain::{
    Analysis, ContentType, DropboxCopy, Failure, Image, ImageId, Links, PhoneNumber, Placeholder, Progress,
    SetPlace, Status, Timestamp, UploadLinkId, UploadTicket,
};
use serde::Serialize;

/// An image in a response. All endpoints use this shape.
///
/// `status` describes the latest upload. `thumbnails` belong to the current picture, which is an older one while a
/// replacement is in progress. Members without a value are null.
#[derive(Debug, Serialize)]
pub struct ImageBody<'a> {
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
    placeholder: Option<&'a Placeholder>,
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

impl<'a> ImageBody<'a> {
    /// Whether the image has a picture that clients see.
    pub(crate) fn has_picture(&self) -> bool {
        self.placeholder.is_some()
    }

    /// The body of an image with these addresses.
    #[must_use]
    pub fn new(image: &'a Image, links: Links) -> Self {
        let thumbnails = links.thumbnails.into_iter().map(|(thumbnail, link)| ThumbnailBody {
            size: thumbnail.size,
            width: thumbnail.width,
            height: thumbnail.height,
            content_type: thumbnail.content_type,
            url: link.url,
        });
        let (picture, upload) = (image.picture.as_ref(), image.shown_upload());
        Self {
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
            placeholder: picture.map(|picture| &picture.placeholder),
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
        }
    }

    /// The body without the id of the upload link. Whoever has this id can send pictures to the owner, so only the owner
    /// receives it.
    #[must_use]
    pub fn without_upload_link(self) -> Self {
        Self { upload_link: None, ..self }
    }
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
    /// The presigned upload of a ticket. `now` is the time of the response.
    ///
    /// The body leaves out the signed headers `content-length` and `host`, because browsers set them and scripts must
    /// not.
    #[must_use]
    pub fn new(ticket: UploadTicket, now: Timestamp) -> Self {
        let set_by_browser = |name: &str| matches!(name, "host" | "content-length");
        let headers = ticket.headers.into_iter().filter(|(name, _)| !set_by_browser(name));
        Self {
            method: "PUT",
            url: ticket.url,
            headers: headers.map(|(name, value)| (name, value.into())).collect(),
            expires_at: ticket.expires_at,
            expires: ticket.expires_at.as_second() - now.as_second(),
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
    pub fn new(image: &'a Image, ticket: UploadTicket, now: Timestamp) -> Self {
        Self { image: ImageBody::new(image, Links::default()), upload: UploadBody::new(ticket, now) }
    }
}
