//! `GET /api/upload-links`, and `DELETE /api/upload-links/{id}`

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Stack, User, id_of, send};

const PATH: &str = "/api/upload-links";

async fn create(user: &User) -> Result<Value> {
    user.post(PATH, &json!({"max_images": 1, "expires_in": 300})).await?.json(201)
}

async fn ids(user: &User) -> Result<Vec<String>> {
    let list = user.get(PATH).await?.json(200)?;
    let links = list["upload_links"].as_array().into_iter().flatten();
    links.map(|link| id_of(link).map(str::to_owned)).collect()
}

#[tokio::test]
async fn links_are_listed_newest_first_until_they_are_revoked_or_expire() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    let links = [create(&ann).await?, create(&ann).await?, create(&ann).await?];
    let [first, second, third] = [id_of(&links[0])?, id_of(&links[1])?, id_of(&links[2])?];
    assert_eq!(ids(&ann).await?, [third, second, first]);
    assert_eq!(ids(&bob).await?, [""; 0]);
    let listed = ann.get(PATH).await?.json(200)?;
    assert_eq!(listed["upload_links"][2], links[0]);
    ann.delete(&format!("{PATH}/{second}")).await?.expect(204)?;
    // DynamoDB deletes an expired item only later.
    let key = (format!("USER#{}", ann.id), format!("UPLOADLINK#{}", &third[..26]));
    let table = &stack.outputs.table;
    stack.aws.update_item(table, (&key.0, &key.1), "SET expires_at = :past", &json!({":past": 1})).await?;
    assert_eq!(ids(&ann).await?, [first]);
    ann.delete(&format!("{PATH}/{third}")).await?.problem(404, "upload-link-not-found")?;
    Ok(())
}

#[tokio::test]
async fn a_revoked_link_accepts_nothing_more_and_its_images_stay() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let link = user.post(PATH, &json!({"max_images": 5, "expires_in": 300})).await?.json(201)?;
    let (revoke, images) = (format!("{PATH}/{}", id_of(&link)?), format!("{PATH}/{}/images", id_of(&link)?));
    let files = json!({"files": [{"file_name": "a", "content_type": "image/png", "size": 10}]});
    let created = stack.post(&images, &files).await?.json(201)?;
    user.delete(&revoke).await?.expect(204)?;
    stack.post(&images, &files).await?.problem(404, "upload-link-not-found")?;
    send(stack.request(reqwest::Method::GET, &images)).await?.problem(404, "upload-link-not-found")?;
    user.delete(&revoke).await?.problem(404, "upload-link-not-found")?;
    user.image(id_of(&created["results"][0]["image"])?).await?;
    Ok(())
}

#[tokio::test]
async fn nobody_but_the_owner_revokes_a_link() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob, admin) = tokio::try_join!(stack.user(), stack.user(), stack.admin())?;
    let link = create(&ann).await?;
    let path = format!("{PATH}/{}", id_of(&link)?);
    for other in [&bob, &admin] {
        other.delete(&path).await?.problem(404, "upload-link-not-found")?;
    }
    for id in ["x", "01JZ0000000000000000000000", &id_of(&link)?[..26]] {
        ann.delete(&format!("{PATH}/{id}")).await?.problem(404, "upload-link-not-found")?;
    }
    assert_eq!(ids(&ann).await?.len(), 1);
    send(stack.request(reqwest::Method::DELETE, &path)).await?.expect(401)?;
    ann.delete(&path).await?.expect(204)?;
    Ok(())
}
