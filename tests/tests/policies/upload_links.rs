//! The functions of upload links

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{User, id_of, pictures, send};

use crate::{needs_all_it_may, turn};

const PATH: &str = "/api/upload-links";

async fn create(user: &User) -> Result<Value> {
    user.post(PATH, &json!({"max_images": 5, "expires_in": 300})).await?.json(201)
}

#[tokio::test]
async fn upload_links_create() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "UploadLinksCreate", async || {
        let user = stack.user().await?;
        create(&user).await?;
        // The number of links must be counted again.
        user.change_profile("SET upload_links_at_most = :all", json!({":all": 100})).await?;
        create(&user).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn upload_links_list() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "UploadLinksList", async || user.get(PATH).await?.expect(200).map(drop)).await
}

#[tokio::test]
async fn upload_links_delete() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "UploadLinksDelete", async || {
        let link = create(&user).await?;
        user.delete(&format!("{PATH}/{}", id_of(&link)?)).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn upload_links_images_create() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    let picture = pictures::png(64, 64)?;
    let file = json!({"file_name": "a", "content_type": "image/png", "size": picture.len()});
    needs_all_it_may(&stack, "UploadLinksImagesCreate", async || {
        let link = create(&user).await?;
        // The number of pending uploads must be counted.
        user.change_profile("REMOVE pending_uploads_at_most", json!({})).await?;
        let path = format!("{PATH}/{}/images", id_of(&link)?);
        let created = stack.post(&path, &json!({"files": [file]})).await?.json(201)?;
        stack.put(&created["results"][0]["upload"], picture.clone()).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn upload_links_images_list() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    let link = create(&user).await?;
    let path = format!("{PATH}/{}/images", id_of(&link)?);
    let files = json!({"files": [{"file_name": "a", "content_type": "image/png", "size": 10}]});
    stack.post(&path, &files).await?.expect(201)?;
    needs_all_it_may(&stack, "UploadLinksImagesList", async || {
        send(stack.request(Method::GET, &path)).await?.expect(200).map(drop)
    })
    .await
}
