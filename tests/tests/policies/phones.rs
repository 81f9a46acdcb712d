//! The functions of phone numbers

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Tier, User, id_of, pictures};

use crate::{needs_all_it_may, opens_its_pictures, turn};

const PATH: &str = "/api/phones/+4915123456789/images";

/// Uploads a picture, and returns its image.
async fn upload(user: &User) -> Result<Value> {
    let picture = pictures::png(64, 64)?;
    let file = json!({"file_name": "a", "content_type": "image/png", "size": picture.len()});
    let mut answer = user.post(PATH, &json!({"files": [file]})).await?.json(201)?;
    user.stack.put(&answer["results"][0]["upload"], picture).await?.expect(200)?;
    Ok(answer["results"][0]["image"].take())
}

#[tokio::test]
async fn phones_images_create() -> Result<()> {
    let stack = turn().await?;
    let function = stack.resource("PhonesImagesCreate").await?;
    needs_all_it_may(&stack, "PhonesImagesCreate", async || {
        // A fresh instance has to read the tier of new users, and a new user needs a profile.
        stack.aws.restart(&function).await?;
        let user = stack.user().await?;
        upload(&user).await?;
        // A profile of an earlier version does not know how many uploads are pending.
        user.change_profile("REMOVE pending_uploads_at_most", json!({})).await?;
        upload(&user).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn phones_list() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    user.developed(id_of(&upload(&user).await?)?).await?;
    needs_all_it_may(&stack, "PhonesList", async || {
        let page = user.get(PATH).await?.json(200)?;
        opens_its_pictures(&stack, &page["images"][0]).await
    })
    .await
}
