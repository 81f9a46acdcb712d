//! `GET /api/images` with `q`, `taken_after`, `taken_before` and `sort=file_name`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, Tier, User, id_of, pictures};

/// The file names in a list, in its order, page by page.
async fn names(user: &User, query: &str, limit: usize) -> Result<Vec<String>> {
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = user.get(&format!("/api/images?limit={limit}&{query}{cursor}")).await?.json(200)?;
        for image in page["images"].as_array().context("no list")? {
            names.push(image["file_name"].as_str().context("no name")?.to_owned());
        }
        let Some(next) = page["next_cursor"].as_str() else { return Ok(names) };
        cursor = format!("&cursor={next}");
    }
}

async fn create(user: &User, file_name: &str, more: Value) -> Result<String> {
    let mut fields = json!({"file_name": file_name, "content_type": "image/png", "size": 10});
    for (name, value) in more.as_object().context("no fields")? {
        fields[name] = value.clone();
    }
    Ok(user.create_with(fields).await?.id().to_owned())
}

#[tokio::test]
async fn words_are_found_by_their_beginnings_in_all_texts() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, other) = tokio::try_join!(stack.user(), stack.user())?;
    create(&user, "IMG_Beach.png", json!({"title": "Sunset"})).await?;
    create(&user, "dog.png", json!({"description": "Our dog\non the beach, l'été"})).await?;
    create(&user, "Straße.png", json!({"title": "Zürich"})).await?;
    create(&other, "beach.png", json!({})).await?;
    for (query, expected) in [
        ("beach", &["dog.png", "IMG_Beach.png"][..]),
        ("BEA%20sun", &["IMG_Beach.png"]),
        ("each", &[]),
        ("ete", &["dog.png"]),
        ("STRASSE", &["Straße.png"]),
        ("zurich", &["Straße.png"]),
        ("dog%20our%20beach", &["dog.png"]),
        ("dog%20sunset", &[]),
    ] {
        assert_eq!(names(&user, &format!("q={query}"), 100).await?, expected, "{query}");
    }
    assert_eq!(names(&user, "q=png&sort=file_name", 1).await?, ["dog.png", "IMG_Beach.png", "Straße.png"]);
    assert_eq!(
        names(&user, "sort=file_name&order=desc", 2).await?,
        ["Straße.png", "IMG_Beach.png", "dog.png"]
    );
    for query in ["q=...", "q=a%20b%20c%20d%20e%20f%20g%20h%20i%20j%20k", "sort=size"] {
        user.get(&format!("/api/images?{query}")).await?.problem(400, "invalid-field")?;
    }
    // An empty text is no filter.
    assert_eq!(names(&user, "q=", 100).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_change_is_found_at_once_and_nothing_stale_is() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}", id_of(&image)?);
    assert_eq!(names(&user, "q=picture", 10).await?.len(), 1);
    user.patch(&path, &json!({"file_name": "renamed.png", "title": "Zebra"})).await?.expect(200)?;
    assert_eq!(names(&user, "q=picture", 10).await?, [""; 0]);
    assert_eq!(names(&user, "q=zebra", 10).await?, ["renamed.png"]);
    let body = json!({"title": "Lion", "replace": {"content_type": "image/png", "size": 10}});
    user.patch(&path, &body).await?.expect(200)?;
    assert_eq!(names(&user, "q=zebra", 10).await?, [""; 0]);
    assert_eq!(names(&user, "q=lion", 10).await?.len(), 1);
    user.delete(&path).await?.expect(204)?;
    assert_eq!(names(&user, "q=lion", 10).await?, [""; 0]);
    user.post_empty(&format!("{path}/restore")).await?.expect(200)?;
    assert_eq!(names(&user, "q=lion", 10).await?.len(), 1);
    user.delete(&format!("{path}?permanent=true")).await?.expect(204)?;
    assert_eq!(names(&user, "q=lion", 10).await?, [""; 0]);
    let words = format!("WORDS#{}", id_of(&image)?);
    tests::until("the words to go", async || {
        let left = user.stack.aws.partition(&stack.outputs.table, &format!("USER#{}", user.id)).await?;
        let is_left = |item: &Value| item["sk"].as_str().is_some_and(|sk| sk.starts_with("WORDS#"));
        Ok((!left.iter().any(is_left)).then_some(()))
    })
    .await
    .context(words)
}

#[tokio::test]
async fn what_a_model_said_is_found() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}", id_of(&image)?);
    user.post(&format!("{path}/analysis"), &json!({})).await?.expect(202)?;
    let analysis = tests::until("the analysis", async || {
        let analysis = user.get(&path).await?.json(200)?["analysis"].take();
        Ok((analysis["status"] == "done").then_some(analysis))
    })
    .await?;
    let tag = analysis["tags"][0].as_str().context("no tag")?;
    let word = analysis["description"].as_str().context("no description")?.split(' ').next();
    for word in [tag, word.context("no word")?] {
        assert_eq!(names(&user, &format!("q={word}"), 10).await?.len(), 1, "{word}");
    }
    Ok(())
}

#[tokio::test]
async fn an_image_of_an_earlier_version_is_found_after_the_next_search_for_uploads() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let id = create(&user, "older.png", json!({"title": "A title"})).await?;
    user.change_record(&id, "REMOVE has_words", json!({})).await?;
    let pk = format!("USER#{}", user.id);
    let items = stack.aws.partition(&stack.outputs.table, &pk).await?;
    let words = items.iter().filter_map(|item| item["sk"].as_str()).find(|sk| sk.starts_with("WORDS#"));
    stack.aws.delete_item(&stack.outputs.table, &pk, words.context("no words")?).await?;
    assert_eq!(names(&user, "q=older", 10).await?, [""; 0]);
    // As if the deployment were new: no run has looked yet.
    stack.aws.delete_item(&stack.outputs.table, "WORDS_INDEX", "POSITION").await?;
    stack.invoke("WorkersFindUploads", &json!({"time": jiff::Timestamp::now().to_string()})).await?.ok()?;
    assert_eq!(names(&user, "q=title", 10).await?, ["older.png"]);
    Ok(())
}

#[tokio::test]
async fn pictures_are_selected_by_the_time_at_which_they_were_taken() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for (name, taken) in [
        ("a b.png", "2026-05-01T10:00:00"),
        ("b.png", "2026-05-02T00:00:00"),
        ("c b.png", "2026-05-03T23:59:59"),
    ] {
        let id = create(&user, name, json!({})).await?;
        // As if a camera had written this time.
        user.change_record(&id, "SET taken_image = :taken", json!({":taken": format!("{taken}#{id}")}))
            .await?;
        let picture = json!({
            "version": 1, "content_type": "image/png", "size": 10, "width": 1, "height": 1, "thumbnails": [],
            "placeholder": {"thumbhash": "x", "color": "#000000"}, "exif": {"taken_at": taken},
        });
        user.change_record(&id, "SET picture = :picture", json!({":picture": picture})).await?;
    }
    for sort in ["created_at", "taken_at", "file_name"] {
        for (query, expected) in [
            ("taken_after=2026-05-02", &["b.png", "c b.png"][..]),
            ("taken_before=2026-05-02T00:00:00", &["a b.png"]),
            ("taken_after=2026-05-01T10:00&taken_before=2026-05-03", &["a b.png", "b.png"]),
            ("taken_after=2027-01-01&taken_before=2026-01-01", &[]),
            ("q=b&taken_after=2026-05-02", &["b.png", "c b.png"]),
            ("q=c&taken_after=2026-05-02", &["c b.png"]),
        ] {
            let query = format!("sort={sort}&order=asc&{query}");
            // An index answers, which may lag behind the table.
            tests::until(&format!("{expected:?} for {query}"), async || {
                Ok((names(&user, &query, 1).await? == expected).then_some(()))
            })
            .await?;
        }
    }
    for query in ["taken_after=yesterday", "taken_before=2026-05-01T00:00:00Z", "taken_after=2026-02-30"] {
        user.get(&format!("/api/images?{query}")).await?.problem(400, "invalid-field")?;
    }
    // A cursor belongs to its search.
    let page = user.get("/api/images?q=b&limit=1").await?.json(200)?;
    let cursor = page["next_cursor"].as_str().context("no cursor")?;
    user.get(&format!("/api/images?q=c&limit=1&cursor={cursor}")).await?.problem(400, "bad-cursor")?;
    Ok(())
}
