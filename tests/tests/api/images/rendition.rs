//! `GET /api/images/{id}/rendition`, and what renditions look like

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use image::{Rgba, RgbaImage};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Stack, Tier, User, id_of, pictures, pillow, send, until};

const RED: [u8; 3] = [220, 30, 30];
const GREEN: [u8; 3] = [30, 200, 30];
const BLUE: [u8; 3] = [30, 30, 220];
const WHITE: [u8; 3] = [240, 240, 240];

/// What `<img>` of a current browser accepts.
const BROWSER: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";

async fn ask(user: &User, id: &str, query: &str, accept: &str) -> Result<Answer> {
    let request = user.request(Method::GET, &format!("/api/images/{id}/rendition?{query}"));
    send(request.header("accept", accept)).await
}

/// The file of a rendition.
async fn rendition(user: &User, id: &str, query: &str, accept: &str) -> Result<Vec<u8>> {
    let answer = ask(user, id, query, accept).await?.expect(302)?;
    ensure!(answer.header("vary") == "accept, authorization", "{query}: {}", answer.header("vary"));
    Ok(user.stack.fetch(answer.header("location")).await?.expect(200)?.bytes)
}

/// Requires that Pillow sees this format, mode and size, and these colors at these points.
async fn looks(
    (user, id): (&User, &str),
    (query, accept): (&str, &str),
    (format, mode, size): (&str, &str, (u32, u32)),
    colors: &[((u32, u32), &[u8])],
) -> Result<()> {
    let file = rendition(user, id, query, accept).await?;
    let points: Vec<_> = colors.iter().map(|(point, _)| *point).collect();
    let seen = pillow::read(&file, &points).with_context(|| query.to_owned())?;
    let what = format!("{query} ({accept}): {seen:?}");
    ensure!((seen.format.as_str(), seen.mode.as_str()) == (format, mode), "{what}");
    ensure!((seen.width, seen.height) == size, "{what}");
    ensure!(seen.metadata.is_empty(), "{what}");
    for ((point, expected), actual) in colors.iter().zip(&seen.colors) {
        let is_near = actual.len() == expected.len()
            && actual.iter().zip(expected.iter()).all(|(actual, expected)| actual.abs_diff(*expected) <= 25);
        ensure!(is_near, "{actual:?} instead of {expected:?} at {point:?}: {what}");
    }
    Ok(())
}

/// Red and green above blue and white, in 600 x 400 pixels, stored as a camera held upright stores it.
async fn photo(stack: &Stack) -> Result<(User, String)> {
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg_held(6, 600, 400)?).await?;
    let id = id_of(&image)?.to_owned();
    Ok((user, id))
}

/// The sort keys of the items of an image's renditions.
async fn items(user: &User, id: &str) -> Result<Vec<String>> {
    let items = user.stack.aws.partition(&user.stack.outputs.table, &format!("USER#{}", user.id)).await?;
    let keys = items.iter().filter_map(|item| item["sk"].as_str());
    Ok(keys.filter(|key| key.starts_with(&format!("RENDITION#{id}#"))).map(str::to_owned).collect())
}

#[tokio::test]
async fn every_fit_gives_the_part_and_the_size_that_it_promises() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, id) = photo(&stack).await?;
    type Colors<'a> = &'a [((u32, u32), &'a [u8])];
    let cases: [(&str, (u32, u32), Colors); 18] = [
        (
            "width=300",
            (300, 200),
            &[((75, 50), &RED), ((225, 50), &GREEN), ((75, 150), &BLUE), ((225, 150), &WHITE)],
        ),
        ("height=100", (150, 100), &[((37, 25), &RED), ((112, 75), &WHITE)]),
        ("width=300&height=300", (300, 200), &[((225, 50), &GREEN)]),
        ("width=300&height=300&fit=contain", (300, 200), &[((75, 150), &BLUE)]),
        ("width=4096&height=4096", (600, 400), &[((150, 100), &RED), ((450, 300), &WHITE)]),
        ("width=100&dpr=2", (200, 133), &[((50, 33), &RED)]),
        ("width=100&height=90&dpr=1.5&fit=cover", (150, 135), &[((37, 34), &RED), ((112, 101), &WHITE)]),
        // In the middle, both halves are equally wide.
        (
            "width=200&height=200&fit=cover",
            (200, 200),
            &[((80, 50), &RED), ((120, 50), &GREEN), ((80, 150), &BLUE)],
        ),
        // The part begins at the left edge, so it shows three quarters of the left half.
        ("width=200&height=200&fit=cover&gravity=0x0", (200, 200), &[((140, 50), &RED), ((160, 50), &GREEN)]),
        ("width=200&height=200&fit=cover&gravity=1x0.5", (200, 200), &[((40, 50), &RED), ((60, 50), &GREEN)]),
        (
            "width=200&height=200&fit=cover&gravity=0.4x0.5",
            (200, 200),
            &[((115, 50), &RED), ((135, 50), &GREEN)],
        ),
        (
            "width=600&height=100&fit=cover&gravity=0.5x0.1",
            (600, 100),
            &[((150, 95), &RED), ((450, 5), &GREEN)],
        ),
        // The picture is smaller than the area, so the part has its shape and is smaller.
        ("width=1200&height=1200&fit=cover", (400, 400), &[((190, 100), &RED), ((210, 300), &WHITE)]),
        ("width=200&height=200&fit=crop", (200, 200), &[((80, 50), &RED), ((120, 150), &WHITE)]),
        (
            "width=900&height=100&fit=crop&gravity=0.5x1",
            (600, 100),
            &[((150, 50), &BLUE), ((450, 50), &WHITE)],
        ),
        ("width=900&height=900&fit=crop", (600, 400), &[((150, 100), &RED)]),
        (
            "width=300&height=300&fit=pad",
            (300, 300),
            &[((150, 20), &[255; 3]), ((75, 100), &RED), ((225, 200), &WHITE)],
        ),
        (
            "width=700&height=500&fit=pad&background=00ff80",
            (700, 500),
            &[((20, 250), &[0, 255, 128]), ((350, 20), &[0, 255, 128]), ((200, 150), &RED)],
        ),
    ];
    try_join_all(cases.into_iter().map(async |(query, size, colors)| {
        // Without loss, so that the edges of the parts are exact.
        let query = format!("{query}&format=png");
        looks((&user, &id), (&query, "*/*"), ("PNG", "RGB", size), colors).await
    }))
    .await?;
    Ok(())
}

#[tokio::test]
async fn every_format_is_what_pillow_says_it_is_and_auto_follows_accept() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, id) = photo(&stack).await?;
    let colors: &[((u32, u32), &[u8])] = &[((75, 50), &RED), ((225, 50), &GREEN), ((75, 150), &BLUE)];
    let cases = [
        ("format=jpeg", BROWSER, "JPEG"),
        ("format=png", BROWSER, "PNG"),
        ("format=webp", "*/*", "WEBP"),
        ("format=avif", "*/*", "AVIF"),
        ("format=auto", BROWSER, "AVIF"),
        ("", "image/webp,*/*;q=0.8", "WEBP"),
        ("", "*/*", "JPEG"),
        ("", "image/avif;q=0,image/webp;q=0", "JPEG"),
    ];
    for (query, accept, format) in cases {
        let query = format!("width=300&{query}");
        let query = query.trim_end_matches('&');
        looks((&user, &id), (query, accept), (format, "RGB", (300, 200)), colors).await?;
    }
    // Only a picture with many details shows the quality in the length of its file.
    let detailed = RgbaImage::from_fn(300, 200, |x, y| {
        Rgba([((x * 7) ^ (y * 13)) as u8, (x * x + y) as u8, (x * y) as u8, 255])
    });
    let mut file = std::io::Cursor::new(Vec::new());
    detailed.write_to(&mut file, image::ImageFormat::Png)?;
    let image = user.upload_and_develop("image/png", file.into_inner()).await?;
    let id = id_of(&image)?;
    for format in ["jpeg", "webp", "avif"] {
        let size = async |quality: u32| {
            let query = format!("width=200&format={format}&quality={quality}");
            Ok::<_, anyhow::Error>(rendition(&user, id, &query, "*/*").await?.len())
        };
        let sizes = [size(1).await?, size(80).await?, size(100).await?];
        assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2], "{format}: {sizes:?}");
    }
    Ok(())
}

#[tokio::test]
async fn transparency_stays_or_lies_on_the_background() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    // Nothing on the left, half of blue in the middle, blue on the right.
    let picture = RgbaImage::from_fn(300, 100, |x, _| Rgba([30, 30, 220, [0, 128, 255][x as usize / 100]]));
    let mut file = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut file, image::ImageFormat::Png)?;
    let image = user.upload_and_develop("image/png", file.into_inner()).await?;
    let target = (&user, id_of(&image)?);
    let (left, middle, right) = ((20, 20), (75, 20), (130, 20));
    let kept: &[((u32, u32), &[u8])] = &[(middle, &[30, 30, 220, 128]), (right, &[30, 30, 220, 255])];
    for (query, accept, format) in [
        ("", "*/*", "PNG"),
        ("&format=webp", "*/*", "WEBP"),
        ("&format=avif", "*/*", "AVIF"),
        ("", BROWSER, "AVIF"),
    ] {
        looks(target, (&format!("width=150{query}"), accept), (format, "RGBA", (150, 50)), kept).await?;
    }
    for (query, under) in
        [("", [255; 3]), ("&background=00ff00", [0, 255, 0]), ("&background=%2300FF00", [0, 255, 0])]
    {
        let half: Vec<u8> =
            BLUE.iter().zip(under).map(|(a, b)| ((u16::from(*a) + u16::from(b)) / 2) as u8).collect();
        let colors: &[((u32, u32), &[u8])] = &[(left, &under), (middle, &half), (right, &BLUE)];
        let query = format!("width=150&format=jpeg{query}");
        looks(target, (&query, "*/*"), ("JPEG", "RGB", (150, 50)), colors).await?;
    }
    // A border is as transparent as the picture, unless there is a background.
    let colors: &[((u32, u32), &[u8])] = &[((75, 10), &[0, 0, 0, 0]), ((130, 75), &[30, 30, 220, 255])];
    looks(target, ("width=150&height=150&fit=pad", "*/*"), ("PNG", "RGBA", (150, 150)), colors).await?;
    let colors: &[((u32, u32), &[u8])] =
        &[((75, 10), &[0, 0, 255]), ((20, 75), &[0, 0, 255]), ((130, 75), &BLUE)];
    let query = "width=150&height=150&fit=pad&background=0000ff";
    looks(target, (query, "*/*"), ("JPEG", "RGB", (150, 150)), colors).await
}

#[tokio::test]
async fn the_focal_point_is_the_gravity_auto() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, id) = photo(&stack).await?;
    let path = format!("/api/images/{id}");
    let query = "width=200&height=200&fit=cover&format=png";
    let at = |edge: u32| [((edge - 10, 50), &RED[..]), ((edge + 10, 50), &GREEN[..])];
    looks((&user, &id), (query, "*/*"), ("PNG", "RGB", (200, 200)), &at(100)).await?;
    for (x, edge) in [(1.0, 50), (0.4, 125), (0.0, 150)] {
        let image = user.patch(&path, &json!({"focal_point": {"x": x, "y": 0.5}})).await?.json(200)?;
        assert_eq!(image["focal_point"], json!({"x": x, "y": 0.5}));
        looks((&user, &id), (query, "*/*"), ("PNG", "RGB", (200, 200)), &at(edge)).await?;
    }
    // A point in the request has priority.
    let fixed = format!("{query}&gravity=1x0.5");
    looks((&user, &id), (&fixed, "*/*"), ("PNG", "RGB", (200, 200)), &at(50)).await?;
    // Another change keeps the point, and null removes it.
    let image = user.patch(&path, &json!({"title": "x"})).await?.json(200)?;
    assert_eq!(image["focal_point"], json!({"x": 0.0, "y": 0.5}));
    let image = user.patch(&path, &json!({"focal_point": null})).await?.json(200)?;
    assert_eq!(image["focal_point"], Value::Null);
    looks((&user, &id), (query, "*/*"), ("PNG", "RGB", (200, 200)), &at(100)).await?;
    for (point, field) in [
        (json!({"x": 1.01, "y": 0}), "focal_point.x"),
        (json!({"x": 0, "y": -0.01}), "focal_point.y"),
        (json!({"x": 0}), "y"),
        (json!({"x": 0, "y": 0, "z": 0}), "focal_point.z"),
        (json!([0, 0]), "focal_point"),
    ] {
        let problem =
            user.patch(&path, &json!({"focal_point": point})).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field, "{problem}");
    }
    Ok(())
}

#[tokio::test]
async fn who_accepts_json_gets_the_address_and_the_facts() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, id) = photo(&stack).await?;
    let answer = ask(&user, &id, "width=300&format=webp", "application/json").await?.json(200)?;
    assert_eq!((&answer["width"], &answer["height"]), (&json!(300), &json!(200)));
    assert_eq!(answer["content_type"], "image/webp");
    let file = stack.fetch(answer["url"].as_str().context("no url")?).await?.expect(200)?;
    assert_eq!(file.header("content-type"), "image/webp");
    pictures::check_quadrants(&file.bytes, 300, 200)
}

#[tokio::test]
async fn a_parameter_that_is_unknown_repeated_missing_or_out_of_range_is_named() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, id) = photo(&stack).await?;
    let cases = [
        ("", "width"),
        ("fit=cover", "width"),
        ("width=1&w=1", "w"),
        ("width=1&width=2", "width"),
        ("width=1&fit=pad&fit=pad", "fit"),
        ("width=0", "width"),
        ("width=4097", "width"),
        ("width=x", "width"),
        ("height=-1", "height"),
        ("width=1&fit=squeeze", "fit"),
        ("width=1&gravity=left", "gravity"),
        ("width=1&gravity=0.5x1.1", "gravity"),
        ("width=1&quality=0", "quality"),
        ("width=1&quality=101", "quality"),
        ("width=1&dpr=0.5", "dpr"),
        ("width=1&dpr=3.1", "dpr"),
        ("width=1&background=red", "background"),
        ("width=1&format=gif", "format"),
    ];
    try_join_all(cases.into_iter().map(async |(query, field)| {
        let problem = ask(&user, &id, query, "*/*").await?.problem(400, "invalid-field")?;
        ensure!(problem["field"] == field, "{query}: {problem}");
        Ok(())
    }))
    .await?;
    assert_eq!(items(&user, &id).await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn requests_that_mean_the_same_share_a_rendition_and_are_answered_from_it() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, id) = photo(&stack).await?;
    for (query, accept) in [
        ("width=320&height=240&fit=cover&format=webp", "*/*"),
        ("height=120&width=160&dpr=2&fit=cover&quality=80&gravity=0.5x0.5", "image/webp"),
        ("fit=cover&format=auto&gravity=auto&height=240&width=320", "image/webp"),
    ] {
        rendition(&user, &id, query, accept).await?;
    }
    let canonical = "w320-h240-cover-0.5x0.5-q80-webp";
    assert_eq!(items(&user, &id).await?, [format!("RENDITION#{id}#{canonical}")]);
    assert_eq!(user.objects(&id).await?.1.iter().filter(|key| key.ends_with(canonical)).count(), 1);
    // One of `workers-thumbnail`, and one of `workers-render`.
    assert_eq!(stack.invocations_about("WorkersLogs", &id).await?, 2);
    let record = user.record(&id).await?.context("no record")?;
    assert_eq!(record["picture"]["renditions"], 1);
    Ok(())
}

#[tokio::test]
async fn a_picture_has_at_most_a_hundred_renditions() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, id) = photo(&stack).await?;
    user.change_record(&id, "SET picture.renditions = :most", json!({":most": 99})).await?;
    // Of several requests at the same time, one gets the last place.
    let answers = try_join_all((10..16).map(|width| {
        let (user, id) = (&user, &id);
        async move { ask(user, id, &format!("width={width}"), "*/*").await }
    }))
    .await?;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 302).collect();
    assert_eq!(made.len(), 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 302 && answer.status != 503) {
        assert_eq!(answer.problem(409, "too-many-renditions")?["max_renditions"], 100);
    }
    let record = user.record(&id).await?.context("no record")?;
    assert_eq!(record["picture"]["renditions"], 100);
    // What exists is still served.
    let canonical = items(&user, &id).await?;
    let [only] = &canonical[..] else { anyhow::bail!("{canonical:?}") };
    let (_, form) = only.rsplit_once("#w").context("no width")?;
    let width = form.split('-').next().context("no width")?;
    ask(&user, &id, &format!("width={width}"), "*/*").await?.expect(302)?;
    Ok(())
}

#[tokio::test]
async fn a_claim_is_respected_until_it_expires() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, id) = photo(&stack).await?;
    rendition(&user, &id, "width=30", "*/*").await?;
    let keys = (format!("USER#{}", user.id), items(&user, &id).await?.remove(0));
    let claim = async |until: i64| {
        let lease = json!({":lease": {"owner": "another", "until": until}});
        let key = (keys.0.as_str(), keys.1.as_str());
        stack.aws.update_item(&stack.outputs.table, key, "SET lease = :lease REMOVE made", &lease).await
    };
    claim(9_999_999_999).await?;
    let answer = ask(&user, &id, "width=30", "*/*").await?;
    assert_eq!(answer.header("retry-after"), "2");
    answer.problem(503, "unavailable")?;
    claim(1).await?;
    rendition(&user, &id, "width=30", "*/*").await?;
    let record = user.record(&id).await?.context("no record")?;
    assert_eq!(record["picture"]["renditions"], 1, "a rendition counts once");
    Ok(())
}

#[tokio::test]
async fn renditions_go_with_their_image_its_version_and_the_account() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, id) = photo(&stack).await?;
    for query in ["width=30", "width=40&height=40&fit=cover"] {
        rendition(&user, &id, query, "*/*").await?;
    }
    // A new version has no renditions yet, and those of the old one go.
    let picture = pictures::png(200, 300)?;
    let replacement = user.replace(&id, "image/png", picture.len()).await?;
    // Until it is ready, the old picture is served.
    rendition(&user, &id, "width=30", "*/*").await?;
    stack.put(&replacement.upload, picture).await?.expect(200)?;
    user.developed(&id).await?;
    until("the renditions of the old version to go", async || {
        let derived = user.objects(&id).await?.1;
        let is_old = |key: &String| key.starts_with(&format!("{}/{id}/1/", user.id));
        Ok((items(&user, &id).await?.is_empty() && !derived.iter().any(is_old)).then_some(()))
    })
    .await?;
    looks((&user, &id), ("width=30", "*/*"), ("JPEG", "RGB", (30, 45)), &[((7, 11), &RED)]).await?;
    user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
    user.objects_vanish(&id).await?;
    until("the items to go", async || Ok(items(&user, &id).await?.is_empty().then_some(()))).await?;
    ask(&user, &id, "width=30", "*/*").await?.problem(404, "not-found")?;

    let other = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    rendition(&user, id_of(&other)?, "width=30", "*/*").await?;
    user.delete_with("/api/auth/account", &json!({"password": user.password})).await?.expect(202)?;
    user.only_the_tombstone_remains().await
}

#[tokio::test]
async fn other_images_other_tiers_and_images_without_a_picture_have_none() -> Result<()> {
    let stack = Stack::connect()?;
    let ((user, id), other) = tokio::try_join!(photo(&stack), stack.user_in(Tier::ENTERPRISE))?;
    ask(&other, &id, "width=30", "*/*").await?.problem(404, "not-found")?;
    let pending = user.create("image/png", 10).await?;
    ask(&user, pending.id(), "width=30", "*/*").await?.problem(409, "image-not-ready")?;
    user.change_profile("SET limits.renditions = :no", json!({":no": false})).await?;
    ask(&user, &id, "width=30", "*/*").await?.problem(403, "renditions-not-in-tier")?;
    // A profile of an earlier version of Darkroom.
    user.change_profile("REMOVE limits.renditions", json!({})).await?;
    ask(&user, &id, "width=30", "*/*").await?.problem(403, "renditions-not-in-tier")?;
    Ok(())
}

#[tokio::test]
async fn an_image_has_its_thumbnails_as_a_srcset() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, id) = photo(&stack).await?;
    let image = user.image(&id).await?;
    let srcset = image["srcset"].as_str().context("no srcset")?;
    let candidates: Vec<_> = srcset.split(", ").filter_map(|candidate| candidate.split_once(' ')).collect();
    // The size 1200 has the same picture as the original, and each width occurs once.
    let widths: Vec<_> = candidates.iter().map(|(_, width)| *width).collect();
    assert_eq!(widths, ["200w", "400w", "600w"]);
    for ((url, _), width) in candidates.into_iter().zip([200, 400, 600]) {
        pictures::check_quadrants(&stack.fetch(url).await?.expect(200)?.bytes, width, (width * 2 + 1) / 3)?;
    }
    assert_eq!(user.create("image/png", 10).await?.image["srcset"], Value::Null);
    Ok(())
}
