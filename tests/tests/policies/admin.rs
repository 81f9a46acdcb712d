//! The admins' functions

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, Tier, User, email_of, id_of, pictures, unique, until};

use crate::{needs_all_it_may, opens_its_pictures, ready, turn};

/// An image of a user, as soon as admins find it.
async fn anyones(stack: &Stack) -> Result<String> {
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user_in(Tier::ENTERPRISE))?;
    let id = ready(&user).await?;
    let path = format!("/api/admin/images/{id}");
    until("the image to be found", async || {
        let image = admin.get(&path).await?;
        Ok((image.status == 200 && image.text().contains("\"ready\"")).then_some(()))
    })
    .await?;
    Ok(id)
}

fn rules() -> Value {
    json!({
        "name": "Sample", "thumbnail_sizes": [200], "original_link": false, "expiring_links": false,
        "max_image_bytes": 1_000_000, "max_images": 5, "ai": false,
    })
}

#[tokio::test]
async fn admin_images_list() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    anyones(&stack).await?;
    needs_all_it_may(&stack, "AdminImagesList", async || {
        let page = admin.get("/api/admin/images?status=ready").await?.json(200)?;
        opens_its_pictures(&stack, &page["images"][0]).await?;
        admin.get("/api/admin/images?phone_number=%2B4915123456789").await?.expect(200)?;
        let of_admin = format!("/api/admin/images?username={}", admin.username);
        admin.get(&of_admin).await?.expect(200)?;
        admin.get(&format!("{of_admin}&phone_number=%2B4915123456789")).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn admin_images_get() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    let path = format!("/api/admin/images/{}", anyones(&stack).await?);
    needs_all_it_may(&stack, "AdminImagesGet", async || {
        opens_its_pictures(&stack, &admin.get(&path).await?.json(200)?).await
    })
    .await
}

#[tokio::test]
async fn admin_images_update() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    let path = format!("/api/admin/images/{}", anyones(&stack).await?);
    needs_all_it_may(&stack, "AdminImagesUpdate", async || {
        opens_its_pictures(&stack, &admin.patch(&path, &json!({"title": "x"})).await?.json(200)?).await
    })
    .await
}

#[tokio::test]
async fn admin_images_delete() -> Result<()> {
    let stack = turn().await?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    needs_all_it_may(&stack, "AdminImagesDelete", async || {
        // The image is in a slot, which becomes free.
        let set = user.create_set().await?;
        let created = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
        let id = created["image"]["id"].as_str().unwrap_or_default();
        let path = format!("/api/admin/images/{id}");
        until("the image to be found", async || Ok((admin.get(&path).await?.status == 200).then_some(())))
            .await?;
        admin.delete(&path).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn admin_users_list() -> Result<()> {
    let stack = turn().await?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let path = format!("/api/admin/users/{}", user.id);
    needs_all_it_may(&stack, "AdminUsersList", async || lists_and_gets(&stack, &admin, &path).await).await
}

#[tokio::test]
async fn admin_users_tier() -> Result<()> {
    let stack = turn().await?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let path = format!("/api/admin/users/{}/tier", user.id);
    needs_all_it_may(&stack, "AdminUsersTier", async || {
        admin.put(&path, &json!({"tier": "premium"})).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn admin_tiers_put() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    needs_all_it_may(&stack, "AdminTiersPut", async || {
        admin.put("/api/admin/account-tiers/policy-put", &rules()).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn admin_tiers_delete() -> Result<()> {
    let stack = turn().await?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    needs_all_it_may(&stack, "AdminTiersDelete", async || {
        let tier = unique("p");
        let path = format!("/api/admin/account-tiers/{tier}");
        admin.put(&path, &rules()).await?.expect(200)?;
        // A user who was in the tier today, so that the user's profile is read.
        let of_user = format!("/api/admin/users/{}/tier", user.id);
        for tier in [tier.as_str(), "basic"] {
            admin.put(&of_user, &json!({"tier": tier})).await?.expect(200)?;
        }
        let answer = admin.delete(&path).await?;
        ensure!(answer.status == 204, "{}", answer.text());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn admin_queues_list() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    needs_all_it_may(&stack, "AdminQueuesList", async || {
        admin.get("/api/admin/queues").await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn admin_dead_letters_list() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    let letters = stack.resource("DownloadDeadLetters").await?;
    needs_all_it_may(&stack, "AdminDeadLettersList", async || {
        stack.aws.send_message(&letters, &job_message(&admin)).await?;
        admin.get("/api/admin/queues/downloads/dead-letters").await?.expect(200).map(drop)
    })
    .await
}

/// A message about a job that has ended. The worker ignores it.
fn job_message(user: &User) -> Value {
    json!({"user": user.id, "job": "01JZ8Q4V7N2M5K3R6T9W0XYZAB"})
}

#[tokio::test]
async fn admin_dead_letters_redrive() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    let (queue, letters) =
        tokio::try_join!(stack.resource("DownloadJobs"), stack.resource("DownloadDeadLetters"))?;
    let usual = stack.aws.queue_attributes(&queue).await?["MaximumMessageSize"].take();
    let set_maximum = async |size: &Value| {
        stack.aws.set_queue_attributes(&queue, &json!({"MaximumMessageSize": size})).await
    };
    let path = "/api/admin/queues/downloads/redrive";
    needs_all_it_may(&stack, "AdminDeadLettersRedrive", async || {
        // The last attempt may have ended before it did this.
        set_maximum(&usual).await?;
        let position = json!({"DDBStreamBatchInfo": {}});
        for letter in [job_message(&admin), position] {
            stack.aws.send_message(&letters, &letter).await?;
        }
        admin.post_empty(path).await?.expect(200)?;
        // The queue refuses a letter that is too long, so the audit entry is marked as failed.
        set_maximum(&json!("1024")).await?;
        let mut long = job_message(&admin);
        long["padding"] = json!("x".repeat(2000));
        stack.aws.send_message(&letters, &long).await?;
        admin.post_empty(path).await?.problem(500, "internal")?;
        set_maximum(&usual).await
    })
    .await?;
    stack.aws.purge_queue(&letters).await
}

#[tokio::test]
async fn admin_audit_list() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    needs_all_it_may(&stack, "AdminAuditList", async || {
        admin.get("/api/admin/audit").await?.expect(200).map(drop)
    })
    .await
}

/// A set of a user with a picture, as soon as admins find it with its picture.
async fn anyones_set(stack: &Stack) -> Result<(User, String)> {
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user_in(Tier::ENTERPRISE))?;
    let set = user.create_set().await?;
    let picture = pictures::png(64, 64)?;
    let created = user.fill(&set, "image1", "image/png", picture.len()).await?.json(201)?;
    stack.put(&created["upload"], picture).await?.expect(200)?;
    user.developed(id_of(&created["image"])?).await?;
    let path = format!("/api/admin/imagesets/{set}");
    until("the set to be found", async || {
        let set = admin.get(&path).await?;
        Ok((set.status == 200 && set.text().contains("\"ready\"")).then_some(()))
    })
    .await?;
    Ok((user, set))
}

#[tokio::test]
async fn admin_imagesets_list() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    let (user, _) = anyones_set(&stack).await?;
    let path = format!("/api/admin/imagesets?username={}", user.username);
    needs_all_it_may(&stack, "AdminImagesetsList", async || {
        admin.get("/api/admin/imagesets").await?.expect(200)?;
        let page = admin.get(&path).await?.json(200)?;
        opens_its_pictures(&stack, &page["imagesets"][0]["images"]["image1"]).await
    })
    .await
}

/// It shares its role with AdminImagesetsList.
#[tokio::test]
async fn admin_imagesets_get() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    let (user, set) = anyones_set(&stack).await?;
    let list = format!("/api/admin/imagesets?username={}", user.username);
    needs_all_it_may(&stack, "AdminImagesetsGet", async || {
        admin.get(&list).await?.expect(200)?;
        let set = admin.get(&format!("/api/admin/imagesets/{set}")).await?.json(200)?;
        opens_its_pictures(&stack, &set["images"]["image1"]).await
    })
    .await
}

/// Changes a set, and deletes two others: one of a user whose profile does not know the number of sets.
async fn changes_and_deletes_sets(stack: &Stack, admin: &User, set: &str) -> Result<()> {
    let path = format!("/api/admin/imagesets/{set}");
    let changed = admin.patch(&path, &json!({"title": "x"})).await?.json(200)?;
    opens_its_pictures(stack, &changed["images"]["image1"]).await?;
    let user = stack.user().await?;
    let sets = [user.create_set().await?, user.create_set().await?];
    // An image in the trash stays there.
    let trashed = ready(&user).await?;
    let slot = format!("/api/imagesets/{}/images/image1", sets[0]);
    user.put(&slot, &json!({"image_id": trashed})).await?.expect(200)?;
    user.delete(&format!("/api/images/{trashed}")).await?.expect(204)?;
    for set in sets {
        let path = format!("/api/admin/imagesets/{set}");
        until("the set to be found", async || Ok((admin.delete(&path).await?.status == 204).then_some(())))
            .await?;
        user.change_profile("REMOVE #sets", json!({})).await?;
    }
    Ok(())
}

#[tokio::test]
async fn admin_imagesets_update() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    let (_, set) = anyones_set(&stack).await?;
    needs_all_it_may(&stack, "AdminImagesetsUpdate", async || {
        changes_and_deletes_sets(&stack, &admin, &set).await
    })
    .await
}

/// It shares its role with AdminImagesetsUpdate.
#[tokio::test]
async fn admin_imagesets_delete() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    let (_, set) = anyones_set(&stack).await?;
    needs_all_it_may(&stack, "AdminImagesetsDelete", async || {
        changes_and_deletes_sets(&stack, &admin, &set).await
    })
    .await
}

/// It shares its role with AdminUsersList.
#[tokio::test]
async fn admin_users_get() -> Result<()> {
    let stack = turn().await?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let path = format!("/api/admin/users/{}", user.id);
    needs_all_it_may(&stack, "AdminUsersGet", async || lists_and_gets(&stack, &admin, &path).await).await
}

async fn lists_and_gets(stack: &Stack, admin: &User, path: &str) -> Result<()> {
    // Fresh instances have to read the tier of new users.
    for function in ["AdminUsersList", "AdminUsersGet"] {
        stack.aws.restart(&stack.resource(function).await?).await?;
    }
    admin.get("/api/admin/users").await?.expect(200)?;
    admin.get(path).await?.expect(200).map(drop)
}

/// Creates a user, changes everything that can be changed, and sends a password.
async fn manages_a_user(admin: &User) -> Result<()> {
    // Without the permission to delete items, the last attempt could not release the lock.
    admin.stack.aws.delete_item(&admin.stack.outputs.table, "ADMINS", "LOCK").await?;
    let name = unique("managed");
    let body =
        json!({"username": name, "email": format!("{name}@example.com"), "admin": true, "tier": "premium"});
    let user = admin.post("/api/admin/users", &body).await?.json(201)?;
    let path = format!("/api/admin/users/{}", id_of(&user)?);
    let change = json!({"first_name": "x", "email": email_of(&unique("managed"))});
    admin.patch(&path, &change).await?.expect(200)?;
    admin.patch(&path, &json!({"admin": false, "enabled": false})).await?.expect(200)?;
    admin.patch(&path, &json!({"enabled": true})).await?.expect(200)?;
    admin.post_empty(&format!("{path}/password")).await?.expect(204)?;
    admin.delete(&path).await?.expect(202).map(drop)
}

#[tokio::test]
async fn admin_users_create() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    needs_all_it_may(&stack, "AdminUsersCreate", async || manages_a_user(&admin).await).await
}

/// It shares its role with AdminUsersCreate.
#[tokio::test]
async fn admin_users_update() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    needs_all_it_may(&stack, "AdminUsersUpdate", async || manages_a_user(&admin).await).await
}

/// It shares its role with AdminUsersCreate.
#[tokio::test]
async fn admin_users_delete() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    needs_all_it_may(&stack, "AdminUsersDelete", async || manages_a_user(&admin).await).await
}

/// It shares its role with AdminUsersCreate.
#[tokio::test]
async fn admin_users_password() -> Result<()> {
    let stack = turn().await?;
    let admin = stack.admin().await?;
    needs_all_it_may(&stack, "AdminUsersPassword", async || manages_a_user(&admin).await).await
}
