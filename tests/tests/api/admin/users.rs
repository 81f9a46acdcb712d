//! `GET` and `POST /api/admin/users`, `GET`, `PATCH` and `DELETE /api/admin/users/{id}`, `POST /api/admin/users/{id}/password` and
//! `PUT /api/admin/users/{id}/tier`

use std::slice;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Answer, Stack, Tier, User, id_of, pictures, unique, until};

/// Every user, from all pages.
async fn everybody(admin: &User, limit: usize) -> Result<Vec<Value>> {
    let (mut users, mut cursor) = (Vec::new(), String::new());
    for _page in 0..200 {
        let page = admin.get(&format!("/api/admin/users?limit={limit}{cursor}")).await?.json(200)?;
        let some = page["users"].as_array().context("no list")?;
        ensure!(some.len() <= limit, "{} users", some.len());
        users.extend(some.clone());
        let Some(next) = page["next_cursor"].as_str() else { return Ok(users) };
        cursor = format!("&cursor={next}");
    }
    anyhow::bail!("the pages do not end")
}

#[tokio::test]
async fn an_admin_sees_everybody_with_tier_and_usage() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, new, old) = tokio::try_join!(stack.admin(), stack.user(), stack.user_in(Tier::ENTERPRISE))?;
    old.create("image/png", 1234).await?;
    let users = everybody(&admin, 60).await?;
    for (user, tier, usage) in [
        (&new, "basic", json!({"images": 0, "bytes": 0})),
        (&old, "enterprise", json!({"images": 1, "bytes": 1234})),
    ] {
        let seen = users.iter().find(|seen| seen["id"] == user.id).context("a user is missing")?;
        assert_eq!((&seen["username"], &seen["email"]), (&json!(user.username), &json!(user.email)));
        assert_eq!((&seen["tier"], &seen["usage"]), (&json!(tier), &usage));
        assert_eq!((&seen["enabled"], &seen["status"]), (&json!(true), &json!("CONFIRMED")));
    }
    Ok(())
}

#[tokio::test]
async fn a_page_of_users_leads_to_the_next_and_a_forged_cursor_nowhere() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let page = admin.get("/api/admin/users?limit=1").await?.json(200)?;
    let cursor = page["next_cursor"].as_str().context("no cursor")?;
    let next = admin.get(&format!("/api/admin/users?limit=1&cursor={cursor}")).await?.json(200)?;
    assert_ne!(next["users"][0]["id"], page["users"][0]["id"]);
    admin.get("/api/admin/users?cursor=made-up").await?.problem(400, "bad-cursor")?;
    let problem = admin.get("/api/admin/users?limit=61").await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "limit");
    Ok(())
}

#[tokio::test]
async fn a_new_tier_applies_at_once() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 40_000_000});
    user.post("/api/images", &body).await?.problem(413, "file-too-large")?;
    let path = format!("/api/admin/users/{}/tier", user.id);
    let answer = admin.put(&path, &json!({"tier": "enterprise"})).await?.json(200)?;
    assert_eq!(answer, json!({"id": user.id, "tier": "enterprise"}));
    assert_eq!(user.get("/api/auth/profile").await?.json(200)?["tier"], "enterprise");
    user.post("/api/images", &body).await?.expect(201)?;
    assert_eq!(user.usage().await?, (1, 40_000_000));
    Ok(())
}

#[tokio::test]
async fn who_is_moved_down_keeps_what_is_there() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user_in(Tier::ENTERPRISE))?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    let id = id_of(&image)?;
    for _ in 0..2 {
        user.create("image/png", 10).await?;
    }
    let tier = tests::unique("tiny");
    let rules = json!({
        "name": "Tiny", "thumbnail_sizes": [200], "original_link": false, "expiring_links": false,
        "max_image_bytes": 100, "max_images": 1, "ai": false,
    });
    admin.put(&format!("/api/admin/account-tiers/{tier}"), &rules).await?.expect(200)?;
    admin.put(&format!("/api/admin/users/{}/tier", user.id), &json!({"tier": tier})).await?.expect(200)?;

    let (images, bytes) = user.usage().await?;
    assert_eq!((images, bytes), (3, image["size"].as_u64().unwrap() + 20));
    let seen = user.image(id).await?;
    assert_eq!((&seen["status"], &seen["original_url"]), (&json!("ready"), &Value::Null));
    let sizes: Vec<_> = seen["thumbnails"].as_array().unwrap().iter().map(|t| &t["size"]).collect();
    assert_eq!(sizes, [200]);
    user.get(&format!("/api/images/{id}/thumbnail?size=400")).await?.problem(403, "size-not-in-tier")?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 10});
    user.post("/api/images", &body).await?.problem(409, "quota-exceeded")?;
    // Below the quota, the user can create images again.
    for image in user.get("/api/images").await?.json(200)?["images"].as_array().unwrap() {
        user.delete(&format!("/api/images/{}?permanent=true", id_of(image)?)).await?.expect(204)?;
    }
    user.usage_becomes(0, 0).await?;
    user.post("/api/images", &body).await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn users_and_tiers_that_do_not_exist_are_told_apart() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    for id in ["00000000-0000-4000-8000-000000000000", "x", "a%22%20or%20%22b"] {
        let path = format!("/api/admin/users/{id}/tier");
        admin.put(&path, &json!({"tier": "premium"})).await?.problem(404, "not-found")?;
    }
    let path = format!("/api/admin/users/{}/tier", user.id);
    for tier in [json!("none"), json!("NONE"), json!(7)] {
        let problem = admin.put(&path, &json!({"tier": tier})).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], "tier");
    }
    Ok(())
}

/// The user, as an admin sees it.
async fn seen(admin: &User, id: &str) -> Result<Value> {
    admin.get(&format!("/api/admin/users/{id}")).await?.json(200)
}

async fn change(admin: &User, user: &User, change: &Value) -> Result<Answer> {
    admin.patch(&format!("/api/admin/users/{}", user.id), change).await
}

/// Logs in with this password.
async fn log_in(stack: &Stack, username: &str, password: &str) -> Result<Answer> {
    stack.post("/api/auth/login", &json!({"username": username, "password": password})).await
}

/// The temporary passwords that were sent to an address.
async fn mailed_passwords(stack: &Stack, email: &str, count: usize) -> Result<Vec<String>> {
    let url = format!("{}/_ministack/ses/messages", stack.outputs.endpoint_url);
    until(&format!("{count} invitations to {email}"), async || {
        let mails = stack.fetch(&url).await?.json(200)?;
        let mails = mails["messages"].as_object().into_iter().flatten();
        let mails = mails.flat_map(|(_account, mails)| mails.as_array().into_iter().flatten());
        let mails = mails.filter(|mail| mail["To"].as_array().is_some_and(|to| to.contains(&json!(email))));
        let texts = mails.filter_map(|mail| mail["BodyText"].as_str().or(mail["BodyHtml"].as_str()));
        let passwords = texts.filter_map(|text| {
            let (_, rest) = text.split_once("temporary password is ")?;
            Some(rest.split_whitespace().next()?.trim_end_matches('.').to_owned())
        });
        let passwords: Vec<String> = passwords.collect();
        Ok((passwords.len() == count).then_some(passwords))
    })
    .await
}

/// Logs in with a temporary password, and chooses another one.
async fn choose_password(stack: &Stack, username: &str, temporary: &str, password: &str) -> Result<Answer> {
    let challenge = log_in(stack, username, temporary).await?.json(200)?;
    assert_eq!(challenge["challenge"], "new_password");
    let step = json!({"username": username, "session": challenge["session"], "new_password": password});
    stack.post("/api/auth/challenge", &step).await
}

#[tokio::test]
async fn a_search_finds_users_by_the_beginning_of_their_name_or_address() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user, other) = tokio::try_join!(stack.admin(), stack.user(), stack.user())?;
    let address = format!("{}@example.com", unique("address"));
    change(&admin, &user, &json!({"email": address})).await?.expect(200)?;
    let found = async |search: &str| -> Result<Vec<String>> {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = admin.get(&format!("/api/admin/users?search={search}&limit=5{cursor}")).await?;
            let page = page.json(200)?;
            let users = page["users"].as_array().context("no list")?;
            found.extend(users.iter().filter_map(|user| user["id"].as_str()).map(str::to_owned));
            let Some(next) = page["next_cursor"].as_str() else { return Ok(found) };
            cursor = format!("&cursor={next}");
        }
    };
    assert_eq!(found(&user.username).await?, slice::from_ref(&user.id));
    assert_eq!(found(&address[..address.len() - 4]).await?, slice::from_ref(&user.id));
    // This address begins with the name, so both searches find the user, who is listed once.
    let email = format!("{}@example.com", other.username);
    change(&admin, &other, &json!({"email": email})).await?.expect(200)?;
    assert_eq!(found(&other.username).await?, [other.id]);
    assert_eq!(found(&user.username[1..]).await?, Vec::<String>::new());
    let problem = admin.get(&format!("/api/admin/users?search={}", "x".repeat(129))).await?;
    assert_eq!(problem.problem(400, "invalid-field")?["field"], "search");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: only its mailbox can be read"]
async fn an_admin_invites_a_user_who_logs_in_with_the_mailed_password() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let username = unique("invited");
    let email = format!("{username}@example.com");
    let body = json!({"username": username, "email": email, "tier": "premium", "admin": true});
    let made = admin.post("/api/admin/users", &body).await?.json(201)?;
    assert_eq!((&made["username"], &made["email"]), (&json!(username), &json!(email)));
    assert_eq!((&made["tier"], &made["admin"]), (&json!("premium"), &json!(true)));
    assert_eq!((&made["status"], &made["email_verified"]), (&json!("FORCE_CHANGE_PASSWORD"), &json!(true)));
    let id = id_of(&made)?;
    let mut again = seen(&admin, id).await?;
    // Users without a profile have used nothing.
    assert_eq!(again["usage"].take(), json!({"images": 0, "bytes": 0}));
    assert_eq!((&again["tier"], &again["admin"]), (&json!("premium"), &json!(true)));

    let passwords = mailed_passwords(&stack, &email, 1).await?;
    log_in(&stack, &username, "Wrong-Passw0rd").await?.problem(401, "wrong-credentials")?;
    choose_password(&stack, &username, &passwords[0], "Chosen-Passw0rd").await?.expect(200)?;
    // The address is an alias at once.
    let login = json!({"email": email, "password": "Chosen-Passw0rd"});
    stack.post("/api/auth/login", &login).await?.expect(200)?;
    log_in(&stack, &username, &passwords[0]).await?.problem(401, "wrong-credentials")?;
    assert_eq!(seen(&admin, id).await?["status"], "CONFIRMED");

    admin.post("/api/admin/users", &body).await?.problem(409, "username-taken")?;
    let taken = json!({"username": unique("u"), "email": email});
    admin.post("/api/admin/users", &taken).await?.problem(409, "email-taken")?;
    let unknown = json!({"username": unique("u"), "email": email_of("x"), "tier": "none"});
    let problem = admin.post("/api/admin/users", &unknown).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "tier");
    for (field, value) in [
        ("username", json!("a b")),
        ("username", json!("a@b")),
        ("email", json!("nobody")),
        ("admin", json!("yes")),
    ] {
        let mut body = json!({"username": unique("u"), "email": email_of("x")});
        body[field] = value;
        let problem = admin.post("/api/admin/users", &body).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field);
    }
    Ok(())
}

fn email_of(name: &str) -> String {
    format!("{}@example.com", unique(name))
}

#[tokio::test]
async fn an_admin_changes_address_names_and_tier_and_what_is_left_out_stays() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let email = email_of("changed");
    let body = json!({"email": email, "first_name": "Ann", "last_name": "Ünal", "tier": "enterprise"});
    let changed = change(&admin, &user, &body).await?.json(200)?;
    for seen in [&changed, &seen(&admin, &user.id).await?] {
        assert_eq!((&seen["email"], &seen["email_verified"]), (&json!(email), &json!(true)));
        assert_eq!((&seen["first_name"], &seen["last_name"]), (&json!("Ann"), &json!("Ünal")));
        assert_eq!(
            (&seen["tier"], &seen["enabled"], &seen["admin"]),
            (&json!("enterprise"), &json!(true), &json!(false))
        );
    }
    let profile = user.get("/api/auth/profile").await?.json(200)?;
    assert_eq!((&profile["email"], &profile["tier"]), (&json!(email), &json!("enterprise")));

    let other = stack.user().await?;
    change(&admin, &other, &json!({"email": email})).await?.problem(409, "email-taken")?;
    assert_eq!(seen(&admin, &other.id).await?["email"], other.email);
    change(&admin, &user, &json!({"first_name": null})).await?.expect(200)?;
    let after = seen(&admin, &user.id).await?;
    assert_eq!((&after["first_name"], &after["last_name"]), (&Value::Null, &json!("Ünal")));
    assert_eq!(change(&admin, &user, &json!({})).await?.json(200)?, after);

    for (field, value) in [("tier", json!("none")), ("first_name", json!("")), ("enabled", json!(1))] {
        let problem = change(&admin, &user, &json!({field: value})).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field);
    }
    for id in ["00000000-0000-4000-8000-000000000000", "a%22%20or%20%22b"] {
        let path = format!("/api/admin/users/{id}");
        admin.get(&path).await?.problem(404, "not-found")?;
        admin.patch(&path, &json!({"first_name": "x"})).await?.problem(404, "not-found")?;
        admin.post_empty(&format!("{path}/password")).await?.problem(404, "not-found")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_disabled_user_is_out_and_old_sessions_stay_ended_when_the_user_is_enabled_again() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let refresh = json!({"refresh_token": user.tokens.refresh_token});
    let disabled = change(&admin, &user, &json!({"enabled": false})).await?.json(200)?;
    assert_eq!(disabled["enabled"], false);
    log_in(&stack, &user.username, &user.password).await?.problem(401, "wrong-credentials")?;
    stack.post("/api/auth/token/refresh", &refresh).await?.problem(401, "bad-refresh-token")?;
    assert_eq!(change(&admin, &user, &json!({"enabled": true})).await?.json(200)?["enabled"], true);
    stack.post("/api/auth/token/refresh", &refresh).await?.problem(401, "bad-refresh-token")?;
    log_in(&stack, &user.username, &user.password).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn an_admin_makes_another_admin_and_takes_it_back() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    assert_eq!(change(&admin, &user, &json!({"admin": true})).await?.json(200)?["admin"], true);
    // The groups are in the tokens of the next login.
    user.get("/api/admin/users").await?.problem(403, "admins-only")?;
    let tokens = log_in(&stack, &user.username, &user.password).await?.json(200)?;
    let promoted = User { tokens: serde_json::from_value(tokens)?, ..user.clone() };
    let page = promoted.get(&format!("/api/admin/users?search={}", user.username)).await?.json(200)?;
    assert_eq!(page["users"][0]["admin"], true);
    assert_eq!(change(&admin, &user, &json!({"admin": false})).await?.json(200)?["admin"], false);
    assert_eq!(seen(&admin, &user.id).await?["admin"], false);
    // A repeated request takes nothing away, so a new session stays.
    let tokens = log_in(&stack, &user.username, &user.password).await?.json(200)?;
    let again = User { tokens: serde_json::from_value(tokens)?, ..user.clone() };
    change(&admin, &user, &json!({"admin": false})).await?.expect(200)?;
    ensure!(again.refreshes(&again.tokens).await?, "the session has ended");
    Ok(())
}

#[tokio::test]
async fn the_token_of_a_removed_admin_is_not_enough() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user, other) = tokio::try_join!(stack.admin(), stack.user(), stack.user())?;
    change(&admin, &user, &json!({"admin": true})).await?.expect(200)?;
    let tokens = log_in(&stack, &user.username, &user.password).await?.json(200)?;
    let removed = User { tokens: serde_json::from_value(tokens)?, ..user.clone() };
    change(&removed, &other, &json!({"first_name": "x"})).await?.expect(200)?;
    let tier = format!("/api/admin/account-tiers/{}", unique("t"));
    let rules = json!({
        "name": "Sample", "thumbnail_sizes": [200], "original_link": false, "expiring_links": false,
        "max_image_bytes": 1_000_000, "max_images": 5, "ai": false,
    });
    admin.put(&tier, &rules).await?.expect(200)?;
    for loss in [json!({"admin": false}), json!({"admin": true, "enabled": false})] {
        change(&admin, &user, &loss).await?.expect(200)?;
        ensure!(!removed.refreshes(&removed.tokens).await?, "the session did not end");
        let back = json!({"enabled": true, "admin": true});
        change(&removed, &user, &back).await?.problem(403, "admins-only")?;
        change(&removed, &other, &json!({"enabled": false})).await?.problem(403, "admins-only")?;
        let path = format!("/api/admin/users/{}", other.id);
        removed.post_empty(&format!("{path}/password")).await?.problem(403, "admins-only")?;
        removed
            .put(&format!("{path}/tier"), &json!({"tier": "premium"}))
            .await?
            .problem(403, "admins-only")?;
        removed.delete(&path).await?.problem(403, "admins-only")?;
        let new = json!({"username": unique("u"), "email": email_of("x"), "admin": true});
        removed.post("/api/admin/users", &new).await?.problem(403, "admins-only")?;
        removed.put(&tier, &rules).await?.problem(403, "admins-only")?;
        removed.delete(&tier).await?.problem(403, "admins-only")?;
        for kind in ["images", "imagesets"] {
            let path = format!("/api/admin/{kind}/01JZ8Q4V7N2M5K3R6T9W0XYZAB");
            removed.delete(&path).await?.problem(403, "admins-only")?;
        }
        removed.post_empty("/api/admin/queues/tiers/redrive").await?.problem(403, "admins-only")?;
    }
    assert_eq!(seen(&admin, &user.id).await?["enabled"], false);
    let seen = seen(&admin, &other.id).await?;
    assert_eq!(
        (&seen["enabled"], &seen["tier"], &seen["status"]),
        (&json!(true), &json!("basic"), &json!("CONFIRMED"))
    );
    admin.delete(&tier).await?.expect(204)?;
    change(&admin, &user, &json!({"admin": false})).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn admins_send_themselves_no_temporary_password() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let refused = admin.post_empty(&format!("/api/admin/users/{}/password", admin.id)).await?;
    assert_eq!(refused.problem(400, "invalid-field")?["field"], "id");
    log_in(&stack, &admin.username, &admin.password).await?.expect(200).map(drop)
}

#[tokio::test]
#[ignore = "needs the local stack: only its mailbox can be read"]
async fn a_temporary_password_replaces_the_old_one_and_ends_the_sessions() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let path = format!("/api/admin/users/{}/password", user.id);
    // Also for a user who has not used the last temporary password yet.
    for count in 1..=2 {
        admin.post_empty(&path).await?.expect(204)?;
        let passwords = mailed_passwords(&stack, &user.email, count).await?;
        let challenge = log_in(&stack, &user.username, &passwords[count - 1]).await?.json(200)?;
        assert_eq!(challenge["challenge"], "new_password");
        log_in(&stack, &user.username, &user.password).await?.problem(401, "wrong-credentials")?;
    }
    let refresh = json!({"refresh_token": user.tokens.refresh_token});
    stack.post("/api/auth/token/refresh", &refresh).await?.problem(401, "bad-refresh-token")?;
    assert_eq!(seen(&admin, &user.id).await?["status"], "FORCE_CHANGE_PASSWORD");
    let passwords = mailed_passwords(&stack, &user.email, 2).await?;
    choose_password(&stack, &user.username, &passwords[1], "Chosen-Passw0rd").await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_deleted_user_is_out_at_once_and_gone_soon() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let image = user.create("image/png", 10).await?;
    let path = format!("/api/admin/users/{}", user.id);
    admin.delete(&path).await?.expect(202)?;
    log_in(&stack, &user.username, &user.password).await?.problem(401, "wrong-credentials")?;
    until("the user to be gone", async || Ok((admin.get(&path).await?.status == 404).then_some(()))).await?;
    assert!(user.item(&format!("IMAGE#{}", image.id())).await?.is_none());
    admin.delete(&path).await?.problem(404, "not-found")?;
    let page = admin.get(&format!("/api/admin/audit?target={}", user.id)).await?.json(200)?;
    let actions: Vec<_> =
        page["entries"].as_array().into_iter().flatten().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["delete-user", "delete-user"]);
    Ok(())
}

#[tokio::test]
async fn nobody_else_manages_users() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = format!("/api/admin/users/{}", user.id);
    user.post("/api/admin/users", &json!({"username": "a", "email": "a@example.com"}))
        .await?
        .problem(403, "admins-only")?;
    user.get(&path).await?.problem(403, "admins-only")?;
    user.patch(&path, &json!({"admin": true})).await?.problem(403, "admins-only")?;
    user.post_empty(&format!("{path}/password")).await?.problem(403, "admins-only")?;
    user.delete(&path).await?.problem(403, "admins-only")?;
    Ok(())
}
