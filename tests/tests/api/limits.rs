//! The limits of each user

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Stack, Tier, User, id_of, pictures, send, until};

/// The usage that the profile shows.
async fn usage(user: &User) -> Result<Value> {
    Ok(user.get("/api/auth/profile").await?.json(200)?["usage"].take())
}

fn new_image() -> Value {
    json!({"file_name": "a", "content_type": "image/png", "size": 10})
}

/// Requires that exactly one of the answers succeeded and that the others are `quota-exceeded`.
fn assert_one_succeeded(answers: Vec<Answer>, limit: &str) -> Result<()> {
    let (succeeded, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status.is_success());
    assert_eq!(succeeded.len(), 1, "{limit}");
    for answer in refused {
        assert_eq!(answer.problem(409, "quota-exceeded")?["limit"], limit);
    }
    Ok(())
}

#[tokio::test]
async fn sets_have_a_quota_and_a_deleted_set_frees_its_place() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_sets", 2)).await?;
    let first = user.create_set().await?;
    // Of several requests at the same time, one gets the last place.
    let answers = try_join_all((0..4).map(async |_| user.post("/api/imagesets", &json!({})).await)).await?;
    assert_one_succeeded(answers, "max_sets")?;
    let problem = user.post("/api/imagesets", &json!({})).await?.problem(409, "quota-exceeded")?;
    assert_eq!((&problem["limit"], &problem["max_sets"]), (&json!("max_sets"), &json!(2)));
    assert_eq!(usage(&user).await?["sets"], 2);
    // Deleting it twice at the same time frees one place.
    let path = format!("/api/imagesets/{first}");
    let deleted = try_join_all((0..2).map(|_| user.delete(&path))).await?;
    assert!(deleted.iter().any(|answer| answer.status == 204));
    assert_eq!(usage(&user).await?["sets"], 1);
    user.create_set().await?;
    user.post("/api/imagesets", &json!({})).await?.problem(409, "quota-exceeded")?;
    assert_eq!(usage(&user).await?["sets"], 2);
    Ok(())
}

#[tokio::test]
async fn sets_that_are_older_than_their_number_count() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_sets", 3)).await?;
    let sets = [user.create_set().await?, user.create_set().await?];
    user.change_profile("REMOVE #sets", json!({})).await?;
    assert_eq!(usage(&user).await?["sets"], 2);
    user.delete(&format!("/api/imagesets/{}", sets[0])).await?.expect(204)?;
    assert_eq!(usage(&user).await?["sets"], 1);
    user.create_set().await?;
    user.create_set().await?;
    user.post("/api/imagesets", &json!({})).await?.problem(409, "quota-exceeded")?;
    assert_eq!(usage(&user).await?["sets"], 3);
    Ok(())
}

#[tokio::test]
async fn links_have_a_quota_until_they_expire_or_are_revoked() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE.with("max_links", 2)).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}/links", id_of(&image)?);
    let body = json!({"expires_in": 300});
    user.post(&path, &body).await?.expect(201)?;
    assert_one_succeeded(
        try_join_all((0..4).map(async |_| user.post(&path, &body).await)).await?,
        "max_links",
    )?;
    let problem = user.post(&path, &body).await?.problem(409, "quota-exceeded")?;
    assert_eq!((&problem["limit"], &problem["max_links"]), (&json!("max_links"), &json!(2)));
    assert_eq!(usage(&user).await?["links"], 2);
    // One of the links expires.
    let (pk, links) = (format!("USER#{}", user.id), links(&user).await?);
    assert_eq!(links.len(), 2);
    let table = &stack.outputs.table;
    stack.aws.update_item(table, (&pk, &links[0]), "SET expires_at = :past", &json!({":past": 1})).await?;
    assert_eq!(usage(&user).await?["links"], 1);
    assert_one_succeeded(
        try_join_all((0..4).map(async |_| user.post(&path, &body).await)).await?,
        "max_links",
    )?;
    assert_eq!(usage(&user).await?["links"], 2);
    // One of the links is revoked.
    let list = user.get(&path).await?.json(200)?;
    user.delete(&format!("{path}/{}", id_of(&list["links"][0])?)).await?.expect(204)?;
    assert_eq!(usage(&user).await?["links"], 1);
    assert_one_succeeded(
        try_join_all((0..4).map(async |_| user.post(&path, &body).await)).await?,
        "max_links",
    )?;
    Ok(())
}

/// The sort keys of a user's links.
async fn links(user: &User) -> Result<Vec<String>> {
    let query = json!({
        "TableName": user.stack.outputs.table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :link)",
        "ExpressionAttributeValues": {":pk": {"S": format!("USER#{}", user.id)}, ":link": {"S": "LINK#"}},
    });
    let page = user.stack.aws.json("dynamodb", "DynamoDB_20120810.Query", &query).await?;
    let items = page["Items"].as_array().context("no items")?;
    Ok(items.iter().filter_map(|item| item["sk"]["S"].as_str().map(str::to_owned)).collect())
}

#[tokio::test]
async fn so_many_uploads_may_be_pending_and_no_more() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_pending_uploads", 2)).await?;
    let picture = pictures::png(64, 64)?;
    let first = user.create("image/png", picture.len()).await?;
    let answers = try_join_all((0..4).map(async |_| user.post("/api/images", &new_image()).await)).await?;
    assert_one_succeeded(answers, "max_pending_uploads")?;
    let problem = user.post("/api/images", &new_image()).await?.problem(409, "quota-exceeded")?;
    assert_eq!(problem["max_pending_uploads"], 2);
    let two = json!({"files": [new_image(), new_image()]});
    let problem =
        user.post("/api/phones/+4915123456789/images", &two).await?.problem(409, "quota-exceeded")?;
    assert_eq!(problem["limit"], "max_pending_uploads");
    assert_eq!(usage(&user).await?["pending_uploads"], 2);
    // The upload of one arrives. Its replacement does not count.
    stack.put(&first.upload, picture).await?.expect(200)?;
    user.developed(first.id()).await?;
    user.replace(first.id(), "image/png", 10).await?;
    assert_eq!(usage(&user).await?["pending_uploads"], 1);
    let answers = try_join_all((0..4).map(async |_| user.post("/api/images", &new_image()).await)).await?;
    assert_one_succeeded(answers, "max_pending_uploads")?;
    // Another is deleted.
    let pending = user.get("/api/images?status=pending").await?.json(200)?;
    user.delete(&format!("/api/images/{}?permanent=true", id_of(&pending["images"][0])?))
        .await?
        .expect(204)?;
    user.post("/api/images", &new_image()).await?.expect(201)?;
    user.post("/api/images", &new_image()).await?.problem(409, "quota-exceeded")?;
    assert_eq!(usage(&user).await?["pending_uploads"], 2);
    Ok(())
}

/// The stand-in's edits would change nothing here, so no test needs an answer of the provider.
#[tokio::test]
#[ignore = "needs the local stack: it has an AI provider"]
async fn ai_calls_have_a_limit_a_day() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE.with("max_ai_calls_per_day", 4)).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}", id_of(&image)?);
    // Another image, because an image has one analysis at a time.
    let analyzed = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let analyzed = format!("/api/images/{}/analysis", id_of(&analyzed)?);
    let wish = |name: &str, value: Value| {
        let mut body = new_image();
        body[name] = value;
        body
    };
    // A deferred analysis and a deferred edit count at once.
    let mut both = wish("analyze", json!(true));
    both["edit_prompt"] = json!("a hat");
    user.post_once("/api/images", "both", &both).await?.expect(201)?;
    user.post(&analyzed, &json!({})).await?.expect(202)?;
    assert_eq!(usage(&user).await?["ai_calls_today"], 3);
    // Of several requests at the same time, one gets the last place.
    let answers =
        try_join_all((0..4).map(async |_| user.post("/api/images", &wish("analyze", json!(true))).await))
            .await?;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (1, 3));
    let set = user.create_set().await?;
    let mut in_set = wish("analyze", json!(true));
    in_set["image_type"] = json!("image1");
    for (method, path, body) in [
        (Method::POST, format!("{path}/analysis"), json!({})),
        (Method::POST, format!("{path}/edits"), json!({"prompt": "a hat"})),
        (Method::PATCH, path.clone(), json!({"edit_prompt": "a hat"})),
        (Method::POST, "/api/images".to_owned(), both.clone()),
        (Method::POST, "/api/images".to_owned(), wish("edit_prompt", json!("a hat"))),
        (Method::POST, format!("/api/imagesets/{set}/images"), in_set),
    ] {
        let answer = send(user.request(method, &path).json(&body)).await?;
        let seconds: u32 = answer.header("retry-after").parse()?;
        assert!((1..=86_400).contains(&seconds), "{seconds}");
        let problem = answer.problem(429, "daily-limit-reached")?;
        assert_eq!(
            (&problem["limit"], &problem["max_ai_calls_per_day"]),
            (&json!("max_ai_calls_per_day"), &json!(4))
        );
    }
    assert_eq!(usage(&user).await?["ai_calls_today"], 4);
    // A repeated request is answered beyond the limit too, and requests without AI are accepted.
    user.post_once("/api/images", "both", &both).await?.expect(201)?;
    user.post("/api/images", &new_image()).await?.expect(201)?;
    // Another day begins.
    user.change_profile("SET ai_day = ai_day - :one", json!({":one": 1})).await?;
    assert_eq!(usage(&user).await?["ai_calls_today"], 0);
    user.post(&format!("{path}/edits"), &json!({"prompt": "a hat"})).await?.expect(202)?;
    assert_eq!(usage(&user).await?["ai_calls_today"], 1);
    Ok(())
}

#[tokio::test]
async fn who_creates_too_much_waits_and_others_do_not() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    for user in [&ann, &bob] {
        user.create("image/png", 10).await?;
    }
    // Ann has used all of it, and will have more in 2.5 seconds.
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH)?;
    let empty = json!({":time": u64::try_from(now.as_millis())? + 2_500});
    ann.change_profile("SET creation_bucket = :time", empty).await?;
    for path in ["/api/images", "/api/imagesets"] {
        let body = if path == "/api/images" { new_image() } else { json!({}) };
        let answer = ann.post(path, &body).await?;
        let seconds: u32 = answer.header("retry-after").parse()?;
        answer.problem(429, "rate-limited")?;
        assert!((1..=3).contains(&seconds), "{seconds}");
        bob.post(path, &body).await?.expect(201)?;
    }
    assert_eq!(
        (usage(&ann).await?["images"].take(), usage(&ann).await?["sets"].take()),
        (json!(1), json!(0))
    );
    until("the bucket to refill", async || {
        Ok((ann.post("/api/images", &new_image()).await?.status == 201).then_some(()))
    })
    .await
}

#[tokio::test]
async fn profiles_and_tiers_of_earlier_versions_have_the_new_limits() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::PREMIUM).await?;
    user.create("image/png", 10).await?;
    let old = "REMOVE limits.max_sets, limits.max_links, limits.max_pending_uploads, limits.max_ai_calls_per_day, \
        #sets, pending_uploads_at_most, links_at_most, ai_day, ai_calls, creation_bucket";
    user.change_profile(old, json!({})).await?;
    let usage = usage(&user).await?;
    assert_eq!(
        usage,
        json!({"images": 1, "bytes": 10, "sets": 0, "links": 0, "pending_uploads": 1, "ai_calls_today": 0})
    );
    user.create("image/png", 10).await?;
    user.create_set().await?;
    // The profile then has them, so that the next request needs one transaction.
    let profile = user.item("PROFILE").await?.context("no profile")?;
    assert_eq!(
        (&profile["limits"]["max_sets"], &profile["limits"]["max_pending_uploads"]),
        (&json!(1000), &json!(500))
    );
    assert_eq!((&profile["sets"], &profile["pending_uploads_at_most"]), (&json!(1), &json!(2)));
    Ok(())
}
