//! The functions of images

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::json;
use tests::{Tier, id_of, pictures, send, unique, until};

use crate::{needs_all_it_may, new_image, opens_its_pictures, ready, turn};

#[tokio::test]
async fn images_create() -> Result<()> {
    let stack = turn().await?;
    let function = stack.resource("ImagesCreate").await?;
    let picture = pictures::png(64, 64)?;
    needs_all_it_may(&stack, "ImagesCreate", async || {
        // A fresh instance has to read the tier of new users, and a new user needs a profile.
        stack.aws.restart(&function).await?;
        let user = stack.user().await?;
        user.post("/api/images", &new_image()).await?.expect(201)?;
        // A profile of an earlier version does not know how many uploads are pending.
        user.change_profile("REMOVE pending_uploads_at_most", json!({})).await?;
        let created = user.create("image/png", picture.len()).await?;
        stack.put(&created.upload, picture.clone()).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_analysis() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "ImagesAnalysis", async || {
        let user = stack.user_in(Tier::ENTERPRISE).await?;
        let path = format!("/api/images/{}/analysis", ready(&user).await?);
        user.post(&path, &json!({})).await?.expect(202).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_edits() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "ImagesEdits", async || {
        let user = stack.user_in(Tier::ENTERPRISE).await?;
        let path = format!("/api/images/{}/edits", ready(&user).await?);
        user.post(&path, &json!({"prompt": "a hat"})).await?.expect(202).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_list() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    ready(&user).await?;
    needs_all_it_may(&stack, "ImagesList", async || {
        for query in ["", "?sort=taken_at"] {
            let page = user.get(&format!("/api/images{query}")).await?.json(200)?;
            opens_its_pictures(&stack, &page["images"][0]).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn images_get() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    needs_all_it_may(&stack, "ImagesGet", async || opens_its_pictures(&stack, &user.image(&id).await?).await)
        .await
}

#[tokio::test]
async fn images_update() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    let path = format!("/api/images/{id}");
    needs_all_it_may(&stack, "ImagesUpdate", async || {
        let image = user.patch(&path, &json!({"title": "x"})).await?.json(200)?;
        opens_its_pictures(&stack, &image).await?;
        let picture = pictures::png(32, 32)?;
        let replacement = user.replace(&id, "image/png", picture.len()).await?;
        stack.put(&replacement.upload, picture).await?.expect(200)?;
        user.developed(&id).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn images_links() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let path = format!("/api/images/{}/links", ready(&user).await?);
    let width = AtomicU32::new(16);
    needs_all_it_may(&stack, "ImagesLinks", async || {
        user.change_profile("REMOVE links_at_most", json!({})).await?;
        // Nobody has made what the link shows.
        let rendition = json!({"width": width.fetch_add(1, Ordering::Relaxed)});
        let body = json!({"expires_in": 300, "rendition": rendition});
        user.post(&path, &body).await?.expect(201).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_links_list() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let path = format!("/api/images/{}/links", ready(&user).await?);
    needs_all_it_may(&stack, "ImagesLinksList", async || user.get(&path).await?.expect(200).map(drop)).await
}

#[tokio::test]
async fn images_links_delete() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let path = format!("/api/images/{}/links", ready(&user).await?);
    needs_all_it_may(&stack, "ImagesLinksDelete", async || {
        let link = user.post(&path, &json!({"expires_in": 300})).await?.json(201)?;
        user.delete(&format!("{path}/{}", id_of(&link)?)).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_links_view() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let width = AtomicU32::new(16);
    let path = format!("/api/images/{}/links", ready(&user).await?);
    needs_all_it_may(&stack, "ImagesLinksView", async || {
        let link = user.post(&path, &json!({"expires_in": 300, "strip_metadata": false})).await?.json(201)?;
        let open = async |method: Method| {
            let redirect = send(stack.request_url(method, link["url"].as_str().context("no url")?)).await?;
            stack.fetch(redirect.expect(302)?.header("location")).await?.expect(200).map(drop)
        };
        open(Method::HEAD).await?;
        open(Method::GET).await?;
        // Nobody has made what the next link shows.
        let width = width.fetch_add(1, Ordering::Relaxed);
        user.change_link(&link, "SET rendition = :options", json!({":options": {"width": width}})).await?;
        open(Method::GET).await
    })
    .await
}

#[tokio::test]
async fn images_status() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    let path = format!("/api/images/{}/status", user.create("image/png", 10).await?.id());
    needs_all_it_may(&stack, "ImagesStatus", async || user.get(&path).await?.expect(200).map(drop)).await
}

#[tokio::test]
async fn images_upload() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    let picture = pictures::png(64, 64)?;
    needs_all_it_may(&stack, "ImagesUpload", async || {
        let created = user.create("image/png", picture.len()).await?;
        let path = format!("/api/images/{}/upload", created.id());
        let upload = user.post_empty(&path).await?.json(200)?["upload"].take();
        stack.put(&upload, picture.clone()).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_delete() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "ImagesDelete", async || {
        // An image without a picture is deleted.
        let created = user.create("image/png", 10).await?;
        user.delete(&format!("/api/images/{}", created.id())).await?.expect(204)?;
        // An image with a picture moves to the trash.
        user.delete(&format!("/api/images/{}", ready(&user).await?)).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_restore() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (id, set) = tokio::try_join!(ready(&user), user.create_set())?;
    let path = format!("/api/images/{id}");
    let place = json!({"image_id": id});
    user.put(&format!("/api/imagesets/{set}/images/image1"), &place).await?.expect(200)?;
    needs_all_it_may(&stack, "ImagesRestore", async || {
        // An earlier attempt may have stopped after either step.
        user.delete(&path).await?;
        let image = user.post_empty(&format!("{path}/restore")).await?.json(200)?;
        opens_its_pictures(&stack, &image).await
    })
    .await
}

#[tokio::test]
async fn images_downloads_create() -> Result<()> {
    let stack = turn().await?;
    let owner = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&owner).await?;
    needs_all_it_may(&stack, "ImagesDownloadsCreate", async || {
        // A user has few downloads.
        let pk = format!("USER#{}", owner.id);
        stack.aws.delete_item(&stack.outputs.table, &pk, "DOWNLOAD#0").await?;
        let body = json!({"image_ids": [id]});
        let key = unique("k");
        let created = owner.post_once("/api/downloads", &key, &body).await?.json(202)?;
        let path = format!("/api/downloads/{}", id_of(&created)?);
        until("the archive", async || {
            Ok((owner.get(&path).await?.json(200)?["status"] == "done").then_some(()))
        })
        .await?;
        // A repeated request returns the address of the archive.
        let repeated = owner.post_once("/api/downloads", &key, &body).await?.json(202)?;
        stack.fetch(repeated["url"].as_str().context("no address")?).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_downloads_get() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    let created = user.post("/api/downloads", &json!({"image_ids": [id]})).await?.json(202)?;
    let path = format!("/api/downloads/{}", id_of(&created)?);
    until("the archive", async || Ok((user.get(&path).await?.json(200)?["status"] == "done").then_some(())))
        .await?;
    needs_all_it_may(&stack, "ImagesDownloadsGet", async || {
        let download = user.get(&path).await?.json(200)?;
        stack.fetch(download["url"].as_str().context("no address")?).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_trash_empty() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "ImagesTrashEmpty", async || {
        user.delete(&format!("/api/images/{}", ready(&user).await?)).await?.expect(204)?;
        // The item of an image that is not in the trash any more.
        let listed = json!({
            "pk": format!("USER#{}", user.id), "sk": "TRASH#01JZ0000000000000000000000", "expires_at": 9_999_999_999_i64,
        });
        stack.aws.put_item(&stack.outputs.table, &listed).await?;
        user.delete("/api/trash").await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_batch() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    needs_all_it_may(&stack, "ImagesBatch", async || {
        let (set, one, two) = tokio::try_join!(user.create_set(), ready(&user), ready(&user))?;
        user.put(&format!("/api/imagesets/{set}/images/image1"), &json!({"image_id": two}))
            .await?
            .expect(200)?;
        for operation in [
            json!({"id": one, "action": "delete", "permanent": true}),
            json!({"id": two, "action": "delete"}),
            json!({"id": two, "action": "restore"}),
            json!({"id": two, "action": "delete", "permanent": true}),
        ] {
            let body = json!({"operations": [operation]});
            let answer = user.post_once("/api/images/batch", &unique("k"), &body).await?.json(200)?;
            ensure!(answer["outcomes"][0]["problem"].is_null(), "{answer}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn images_rendition() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (id, width) = (ready(&user).await?, AtomicU32::new(1));
    user.patch(&format!("/api/images/{id}"), &json!({"focal_point": {"x": 0, "y": 0}})).await?.expect(200)?;
    needs_all_it_may(&stack, "ImagesRendition", async || {
        // With a focal point, the rendition is read after the image.
        let query = format!("width={}&height=20&fit=cover", width.fetch_add(1, Ordering::Relaxed));
        let path = format!("/api/images/{id}/rendition?{query}");
        let redirect = user.get(&path).await?.expect(302)?;
        stack.fetch(redirect.header("location")).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_thumbnail() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    let id = ready(&user).await?;
    let size = AtomicU32::new(16);
    needs_all_it_may(&stack, "ImagesThumbnail", async || {
        let redirect = user.get(&format!("/api/images/{id}/thumbnail?size=200")).await?.expect(302)?;
        stack.fetch(redirect.header("location")).await?.expect(200)?;
        // Another function creates a size that the tier gained later.
        let size = size.fetch_add(1, Ordering::Relaxed);
        user.change_profile("SET limits.thumbnail_sizes = :sizes", json!({":sizes": [200, size]})).await?;
        user.get(&format!("/api/images/{id}/thumbnail?size={size}")).await?.expect(302).map(drop)
    })
    .await
}
