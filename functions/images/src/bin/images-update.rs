//! `PATCH /api/images/{id}`: changes the texts and the focal point of an image. It can also start a new version of the
//! picture, or request an edit.

use api::{Caller, CreatedBody, Error, ImageBody, Object, Problem, Reply, Request, StatusCode, UploadBody};
use domain::{
    ContentType, Description, FileName, FocalPoint, ImageId, Prompt, Sha256, Status, Title, Upload,
    UploadSize, UserId,
};
use serde::Deserialize;
use store::{Change, Objects, Records};
use telemetry::Measurement;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| update(&records, &objects, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    file_name: Option<FileName>,
    #[serde(default, deserialize_with = "api::nullable")]
    title: Option<Option<Title>>,
    #[serde(default, deserialize_with = "api::nullable")]
    description: Option<Option<Description>>,
    #[serde(default, deserialize_with = "api::nullable")]
    focal_point: Option<Option<Object<FocalPoint>>>,
    replace: Option<Object<Replace>>,
    edit_prompt: Option<Prompt>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replace {
    content_type: ContentType,
    size: UploadSize,
    checksum_sha256: Option<Sha256>,
}

async fn update(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let body: Body = api::body(&request)?;
    let (user, now) = (&caller.user, domain::now());
    let focal_point = body.focal_point.map(|point| point.map(|Object(point)| point));
    let Body { file_name, title, description, .. } = body;
    let change = Change { file_name, title, description, focal_point };
    if let Some(prompt) = body.edit_prompt {
        api::require_ai()?;
        if body.replace.is_some() {
            let detail =
                "edit_prompt: cannot be combined with replace. Send it when the new picture is ready";
            return Err(Problem::invalid_field("edit_prompt", detail));
        }
        return edit(records, objects, (user, id), &change, prompt).await;
    }
    let Some(Object(replace)) = body.replace else {
        let (image, profile) =
            tokio::try_join!(records.change_image(user, id, &change, now), records.profile_or_default(user))?;
        let image = image.ok_or_else(Problem::not_found)?;
        let links = objects.links(user, &image, &profile.limits, now).await?;
        return api::json(StatusCode::OK, &ImageBody::new(&image, links));
    };
    let (image, profile) = tokio::try_join!(
        async { Ok::<_, Problem>(records.replace_image(user, id, &replace.into(), &change, now).await?) },
        async { Ok(records.profile_or_default(user).await?) },
    )?;
    Measurement::UploadsRequested { count: 1, images: vec![image.id.to_string()] }
        .record("uploads requested");
    let links = objects.links(user, &image, &profile.limits, now).await?;
    let upload = objects.presigned_upload(user, &image, now).await?;
    let body = CreatedBody { image: ImageBody::new(&image, links), upload: UploadBody::new(upload, now) };
    api::json(StatusCode::OK, &body)
}

/// Requests an edit of the current picture, or of the first picture if the image waits for its upload.
async fn edit(
    records: &Records,
    objects: &Objects,
    (user, id): (&UserId, ImageId),
    change: &Change,
    prompt: Prompt,
) -> Reply {
    let now = domain::now();
    let found = records.image_and_profile(user, id, now).await?;
    let (image, profile) = found.ok_or_else(Problem::not_found)?;
    if image.picture.is_none() && (image.status != Status::Pending || image.awaits_edit()) {
        return Err(Problem::image_not_ready(image.status));
    }
    let (image, edit) = records.edit_image(user, &image, prompt, change, None, now).await?;
    info!(edit = %edit.id, "edit requested");
    let links = objects.links(user, &image, &profile.limits, now).await?;
    api::json(StatusCode::OK, &ImageBody::new(&image, links))
}

impl From<Replace> for Upload {
    fn from(body: Replace) -> Self {
        Self { content_type: body.content_type, size: body.size, checksum_sha256: body.checksum_sha256 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::ReplaceError;
    use test_support::{FakeAws, IMAGE_ID, USER, item, ok, ready_image};

    use super::*;

    #[tokio::test]
    async fn an_image_that_moves_to_the_trash_at_the_same_time_gets_no_new_version() {
        let mut trashed = ready_image();
        trashed["trash"] = json!({"moved_at": "2026-03-12T19:03:58Z", "until": 4_000_000_000_i64});
        let reasons = json!([{"Code": "ConditionalCheckFailed"}, {"Code": "None"}, {"Code": "None"}]);
        let cancelled = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let aws = FakeAws::new([
            ok("GetItem", item(&ready_image())),
            ("TransactWriteItems", 400, cancelled),
            ok("GetItem", item(&trashed)),
        ]);
        let (user, id) = (USER.parse().unwrap(), IMAGE_ID.parse().unwrap());
        let upload =
            Upload { content_type: ContentType::Png, size: 10.try_into().unwrap(), checksum_sha256: None };
        let change = Change::default();
        let outcome = aws.records().replace_image(&user, id, &upload, &change, domain::now()).await;
        assert!(matches!(outcome, Err(ReplaceError::NotFound)), "{outcome:?}");
        let calls = aws.calls();
        let condition = calls[1].1["TransactItems"][0]["Update"]["ConditionExpression"].as_str().unwrap();
        assert!(condition.contains("attribute_not_exists(#trash)"), "{condition}");
    }
}
