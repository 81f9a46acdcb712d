//! `GET /api/images`

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::{Stack, Tier, User, pictures, send};

fn ids(page: &Value) -> Vec<String> {
    let images = page["images"].as_array().into_iter().flatten();
    images.filter_map(|image| image["id"].as_str()).map(str::to_owned).collect()
}

/// The ids on each page of a list.
async fn pages(user: &User, query: &str) -> Result<Vec<Vec<String>>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = user.get(&format!("/api/images?{query}{cursor}")).await?.json(200)?;
        pages.push(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { return Ok(pages) };
        cursor = format!("&cursor={next}");
        ensure!(pages.len() < 20, "the pages do not end");
    }
}

#[tokio::test]
async fn who_has_nothing_sees_an_empty_list() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let page = user.get("/api/images").await?.json(200)?;
    assert_eq!(page, json!({"images": [], "next_cursor": null}));
    Ok(())
}

#[tokio::test]
async fn the_newest_come_first_and_every_image_is_on_one_page() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.insert(0, user.create("image/png", 10).await?.id().to_owned());
    }
    assert_eq!(pages(&user, "limit=3").await?, [&made[..3], &made[3..6], &made[6..]]);
    assert_eq!(pages(&user, "limit=7").await?, [&made[..]]);
    assert_eq!(pages(&user, "").await?, [&made[..]]);
    Ok(())
}

#[tokio::test]
async fn a_list_shows_what_its_images_show_by_themselves() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let mut image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let mut page = user.get("/api/images").await?.json(200)?;
    let mut listed = page["images"][0].take();
    // Each endpoint signs with its own role.
    for shown in [&mut image, &mut listed] {
        assert!(shown["thumbnails"][0]["url"].take().is_string(), "{shown}");
    }
    // It repeats the addresses of the thumbnails.
    assert!(listed["srcset"].is_null() && image["srcset"].take().is_string(), "{listed} {image}");
    assert_eq!(listed, image);
    Ok(())
}

#[tokio::test]
async fn a_list_has_only_the_members_and_the_thumbnail_that_the_client_asks_for() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let whole = user.upload_and_develop("image/png", pictures::png(1600, 1200)?).await?;
    let query = "fields=title,thumbnails&thumbnails=201";
    let page = user.get(&format!("/api/images?{query}")).await?.json(200)?;
    let image = page["images"][0].as_object().context("no image")?;
    assert_eq!(image.keys().collect::<Vec<_>>(), ["id", "thumbnails", "title"]);
    assert_eq!(image["id"], whole["id"]);
    // 200 pixels are too few on the longer side, and 400 by 300 cover the square.
    let sizes = image["thumbnails"].as_array().into_iter().flatten().map(|thumbnail| &thumbnail["size"]);
    assert_eq!(sizes.collect::<Vec<_>>(), [400]);
    let url = image["thumbnails"][0]["url"].as_str().context("no url")?;
    assert_eq!(stack.fetch(url).await?.expect(200)?.header("content-type"), "image/jpeg");

    let set = user.create_set().await?;
    let filled = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
    let page = user.get("/api/imagesets?fields=status").await?.json(200)?;
    let expected = json!({"id": filled["image"]["id"], "status": "pending"});
    assert_eq!(page["imagesets"][0]["images"]["image1"], expected);

    for (query, field) in
        [("fields=titel", "fields"), ("fields=id,*", "fields"), ("thumbnails=0", "thumbnails")]
    {
        for path in ["/api/images", "/api/imagesets"] {
            let problem = user.get(&format!("{path}?{query}")).await?.problem(400, "invalid-field")?;
            assert_eq!(problem["field"], field, "{query}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_long_list_is_compressed_for_clients_that_accept_it() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let short = user.get("/api/images").await?;
    assert_eq!((short.header("content-encoding"), short.header("vary")), ("", ""));
    for _ in 0..3 {
        user.create("image/png", 10).await?;
    }
    let url = format!("{}/api/images", stack.outputs.api_url);
    let request = || stack.request_url(Method::GET, &url).bearer_auth(&user.tokens.access_token);
    let plain = send(request()).await?.expect(200)?;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let gzip = send(request().header("accept-encoding", "br;q=1, gzip;q=0.8")).await?.expect(200)?;
    assert_eq!((gzip.header("content-encoding"), gzip.header("vary")), ("gzip", "accept-encoding"));
    assert!(gzip.bytes.len() * 2 < plain.bytes.len(), "{} of {}", gzip.bytes.len(), plain.bytes.len());
    let page = user.get("/api/images").await?;
    assert_eq!((page.header("content-encoding"), page.text()), ("gzip", plain.text()));
    Ok(())
}

#[tokio::test]
async fn a_list_can_be_of_one_status() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let ready = user.upload("image/png", pictures::png(64, 64)?).await?;
    let failed = user.upload("image/png", b"no picture".to_vec()).await?;
    let pending = user.create("image/png", 10).await?.id().to_owned();
    let also_pending = user.create("image/png", 10).await?.id().to_owned();
    user.developed(&ready).await?;
    user.developed(&failed).await?;
    assert_eq!(pages(&user, "status=ready").await?.concat(), [ready]);
    assert_eq!(pages(&user, "status=failed").await?.concat(), [failed]);
    assert_eq!(pages(&user, "status=pending&limit=1").await?.concat(), [also_pending, pending]);
    assert_eq!(pages(&user, "status=processing").await?.concat(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn nobody_sees_the_images_of_others() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    ann.create("image/png", 10).await?;
    assert_eq!(pages(&bob, "").await?.concat(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_cursor_that_is_forged_in_the_right_shape_is_refused() -> Result<()> {
    const TAG_BYTES: usize = 16;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(user.create("image/png", 10).await?.id().to_owned());
    }
    let page = user.get("/api/images?limit=1").await?.json(200)?;
    let cursor = page["next_cursor"].as_str().context("no cursor")?;
    let good = BASE64_URL_SAFE_NO_PAD.decode(cursor)?;
    let (tag, id) = good.split_at(TAG_BYTES);
    assert_eq!(std::str::from_utf8(id)?, ids[2], "a cursor has another shape; forge it anew");

    // A cursor that anybody can compute: the parts with their lengths, authenticated with an empty key.
    let mut mac = Hmac::<Sha256>::new_from_slice(b"")?;
    for part in ["images", &user.id, "", &ids[1]] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    let unkeyed = mac.finalize().into_bytes();
    let digest = Sha256::digest(format!("{}/{}/", ids[1], user.id));
    for (what, tag) in [
        ("another id's", tag),
        ("an unkeyed", &unkeyed[..TAG_BYTES]),
        ("a digest for a", &digest[..TAG_BYTES]),
    ] {
        let forged = BASE64_URL_SAFE_NO_PAD.encode([tag, ids[1].as_bytes()].concat());
        let answer = user.get(&format!("/api/images?cursor={forged}")).await?;
        answer.problem(400, "bad-cursor").with_context(|| format!("{what} tag"))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_cursor_of_each_list_is_refused_by_the_others() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let phone = "/api/phones/+14155552671/images";
    for _ in 0..2 {
        admin.create("image/png", 10).await?;
        admin.post("/api/imagesets", &json!({})).await?.expect(201)?;
        let files = json!({"files": [{"file_name": "a", "content_type": "image/png", "size": 1}]});
        admin.post(phone, &files).await?.expect(201)?;
    }
    let lists = ["/api/images", "/api/imagesets", phone, "/api/admin/images", "/api/admin/users"];
    let mut cursors = Vec::new();
    for list in lists {
        let page = admin.get(&format!("{list}?limit=1")).await?.json(200)?;
        cursors
            .push(page["next_cursor"].as_str().with_context(|| format!("{list} has no cursor"))?.to_owned());
    }
    for (index, list) in lists.iter().enumerate() {
        for (other, cursor) in cursors.iter().enumerate() {
            let answer = admin.get(&format!("{list}?limit=1&cursor={cursor}")).await?;
            if index == other {
                answer.expect(200)?;
            } else {
                answer
                    .problem(400, "bad-cursor")
                    .with_context(|| format!("{list} with a cursor of {}", lists[other]))?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_forged_or_foreign_cursor_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    for user in [&ann, &bob] {
        user.create("image/png", 10).await?;
        user.create("image/png", 10).await?;
    }
    let page = ann.get("/api/images?limit=1").await?.json(200)?;
    let cursor = page["next_cursor"].as_str().unwrap();
    ann.get(&format!("/api/images?cursor={cursor}")).await?.expect(200)?;
    // Cursors of another user or another list, and invalid ones.
    bob.get(&format!("/api/images?cursor={cursor}")).await?.problem(400, "bad-cursor")?;
    let mangled = cursor.chars().rev().collect::<String>();
    let forged =
        [format!("status=ready&cursor={cursor}"), format!("cursor={mangled}"), "cursor=made-up".into()];
    for query in forged {
        ann.get(&format!("/api/images?{query}")).await?.problem(400, "bad-cursor")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_refused_by_name() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for (field, value) in
        [("limit", "0"), ("limit", "101"), ("limit", "x"), ("limit", "-1"), ("status", "done")]
    {
        let answer = user.get(&format!("/api/images?{field}={value}")).await?;
        assert_eq!(answer.problem(400, "invalid-field")?["field"], field, "{value}");
    }
    Ok(())
}
