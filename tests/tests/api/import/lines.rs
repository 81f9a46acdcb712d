//! What `cargo xtask import` says about each line

use std::slice;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, id_of, pictures, unique};

use super::run::{Directory, first_login, images, import, manifest, report, results, user_line};

const TIME: &str = "2019-05-01T12:00:00Z";

fn image_line(id: &str, user: &Value, file: &str) -> Value {
    json!({"type": "image", "id": id, "user": user["username"], "file": file, "created_at": TIME})
}

#[tokio::test]
#[ignore = "needs the local stack: it runs `cargo xtask import` there and reads the emulator's mailbox"]
async fn bad_lines_are_reported_and_the_others_are_imported() -> Result<()> {
    let (stack, directory) = (Stack::connect()?, Directory::new()?);
    // Somebody else has registered this name, and this person another address.
    let stranger = stack.user().await?;
    let user = user_line("basic");
    directory.write("a.png", pictures::png(64, 64)?)?;
    directory.write("b.png", pictures::png(65, 64)?)?;
    directory.write("text.jpg", "not a picture")?;
    directory.write("empty.jpg", "")?;
    directory.write("large.jpg", pictures::jpeg_of_bytes("large", 10_000_001)?)?;
    let lines = [
        user.clone(),
        json!({"type": "user", "username": stranger.username, "email": "other@example.com"}),
        json!({"type": "user", "username": unique("imp"), "email": stranger.email, "tier": "platinum"}),
        json!({"type": "set", "id": "s", "user": user["username"], "created_at": TIME}),
        image_line("1", &user, "a.png"),
        image_line("2", &user, "missing.png"),
        image_line("3", &user, "../outside.png"),
        image_line("4", &json!({"username": stranger.username}), "a.png"),
        image_line("1", &user, "b.png"),
        image_line("5", &user, "text.jpg"),
        image_line("6", &user, "empty.jpg"),
        image_line("7", &user, "large.jpg"),
        json!({"type": "photo"}),
        {
            let mut line = image_line("8", &user, "b.png");
            (line["set"], line["title"]) = (json!({"id": "s", "image_type": "image2"}), json!("Second"));
            line
        },
        {
            let mut line = image_line("9", &user, "b.png");
            line["set"] = json!({"id": "s", "image_type": "image2"});
            line
        },
        {
            let mut line = image_line("10", &user, "b.png");
            line["phone_number"] = json!("12");
            line
        },
        {
            let mut line = image_line("11", &user, "b.png");
            line["colour"] = json!("red");
            line
        },
    ];
    directory.write("manifest.jsonl", format!("{}\n{{\"type\":\n", manifest(&lines)))?;
    let output = import(&directory.0)?.output()?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = report(&output);
    let has = |line: &str| assert!(report.iter().any(|one| one == line), "no {line} in {report:#?}");
    let name = |line: &Value| line["username"].as_str().map(str::to_owned).context("no name");
    let (name, strangers) = (name(&user)?, &stranger.username);
    has(&format!("line 1, user {name:?}: created"));
    has(&format!(
        "line 2, user {strangers:?}: refused: username: a user with this name and another or no confirmed e-mail address exists"
    ));
    has(&format!(
        "line 3, user {:?}: refused: tier: there is no tier platinum",
        lines[2]["username"].as_str().context("no name")?
    ));
    has("line 4, set \"s\": created");
    has("line 5, image \"1\": created");
    has("line 6, image \"2\": refused: there is no file missing.png");
    has(
        "line 7: refused: file: must be a relative path such as photos/1.jpg, at most 1,024 bytes, without .. and backslashes",
    );
    has(
        "line 8, image \"4\": refused: user: the manifest has no line for this user, or that line was refused",
    );
    has("line 9, image \"1\": refused: line 5 has the same id");
    has("line 10, image \"5\": created");
    let failure = "line 10: the image has no picture: The file is not an image.";
    assert!(report.iter().any(|line| line.starts_with(failure)), "{report:#?}");
    has("line 11, image \"6\": refused: file: must be at least 1 byte: an empty file is not a picture");
    has(
        "line 12, image \"7\": refused: the user's tier does not allow this: files may have 10000000 bytes at most",
    );
    has("line 13: refused: type: must be \"tier\", \"user\", \"set\" or \"image\"");
    has("line 14, image \"8\": created");
    has("line 15, image \"9\": refused: line 14 has the same slot");
    has("line 16, image \"10\": refused: phone_number: must be a phone number such as +49 30 123456");
    assert!(
        report
            .iter()
            .any(|line| line.starts_with("line 17: refused: ") && line.contains("unknown field `colour`"))
    );
    assert!(report.iter().any(|line| line.starts_with("line 19: refused: no valid JSON: ")));
    has("5 lines created something, 0 existed, 13 were refused.");

    let user = first_login(&stack, &user).await?;
    let mut titles: Vec<String> = images(&user)
        .await?
        .iter()
        .map(|image| format!("{} {}", image["file_name"], image["title"]))
        .collect();
    titles.sort_unstable();
    assert_eq!(titles, ["\"a.png\" null", "\"b.png\" \"Second\"", "\"text.jpg\" null"]);
    assert_eq!(images(&stranger).await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it runs `cargo xtask import` there and reads the emulator's mailbox"]
async fn the_files_can_be_in_a_bucket() -> Result<()> {
    let stack = Stack::connect()?;
    // Nothing listens to this bucket.
    let (bucket, prefix, user) = (&stack.outputs.derived_bucket, unique("imported"), user_line("premium"));
    let picture = pictures::png(40, 30)?;
    stack.aws.put_object(bucket, &format!("{prefix}/in/a.png"), picture.clone()).await?;
    let lines = [user.clone(), image_line("1", &user, "in/a.png"), image_line("2", &user, "in/b.png")];
    stack.aws.put_object(bucket, &format!("{prefix}/manifest.jsonl"), manifest(&lines).into_bytes()).await?;
    let output = import(format!("s3://{bucket}/{prefix}"))?.output()?;
    let report = report(&output);
    assert!(
        report.contains(&"line 3, image \"2\": refused: there is no file in/b.png".to_owned()),
        "{output:?}"
    );
    let user = first_login(&stack, &user).await?;
    let image = images(&user).await?.pop().context("no image")?;
    let original = image["original_url"].as_str().context("no original")?;
    assert!(stack.fetch(original).await?.expect(200)?.bytes == picture);
    for name in ["in/a.png", "manifest.jsonl"] {
        stack.aws.delete_object(bucket, &format!("{prefix}/{name}")).await?;
    }
    Ok(())
}

/// The number of mails to the user of a line.
async fn mails_to(stack: &Stack, user: &Value) -> Result<usize> {
    let url = format!("{}/_ministack/ses/messages", stack.outputs.endpoint_url);
    let mails = stack.fetch(&url).await?.json(200)?;
    let to = json!([user["email"]]);
    let mails = mails["messages"].as_object().into_iter().flatten();
    let mails = mails.flat_map(|(_, mails)| mails.as_array().into_iter().flatten());
    Ok(mails.filter(|mail| mail["To"] == to).count())
}

#[tokio::test]
#[ignore = "needs the local stack: it runs `cargo xtask import` there and reads the emulator's mailbox"]
async fn a_disabled_user_is_not_invited_and_can_log_in_after_an_admin_has_enabled_the_user() -> Result<()> {
    let (stack, directory) = (Stack::connect()?, Directory::new()?);
    let mut user = user_line("premium");
    user["enabled"] = json!(false);
    directory.manifest(slice::from_ref(&user))?;
    assert_eq!(results(import(&directory.0)?.arg("--invite"))?, ["created"]);
    assert_eq!(results(import(&directory.0)?.arg("--invite"))?, ["exists"]);
    assert_eq!(mails_to(&stack, &user).await?, 0);
    let admin = stack.admin().await?;
    let search = format!("/api/admin/users?search={}", user["username"].as_str().context("no name")?);
    let found = admin.get(&search).await?.json(200)?["users"][0].take();
    assert_eq!(found["enabled"], false);
    let path = format!("/api/admin/users/{}", id_of(&found)?);
    admin.patch(&path, &json!({"enabled": true})).await?.expect(200)?;
    first_login(&stack, &user).await.map(drop)
}

#[tokio::test]
#[ignore = "needs the local stack: it runs `cargo xtask import` there and reads the emulator's mailbox"]
async fn a_user_is_invited_once_and_keeps_the_tier_of_an_admin() -> Result<()> {
    let (stack, directory) = (Stack::connect()?, Directory::new()?);
    let invited = user_line("premium");
    directory.manifest(slice::from_ref(&invited))?;
    assert_eq!(results(import(&directory.0)?.arg("--invite"))?, ["created"]);
    assert_eq!(results(import(&directory.0)?.arg("--invite"))?, ["exists"]);
    assert_eq!(mails_to(&stack, &invited).await?, 1);

    // Without an invitation, there is no mail until the user asks for one.
    let user = user_line("premium");
    directory.manifest(slice::from_ref(&user))?;
    assert_eq!(results(&mut import(&directory.0)?)?, ["created"]);
    let user = first_login(&stack, &user).await?;
    let admin = stack.admin().await?;
    admin
        .put(&format!("/api/admin/users/{}/tier", user.id), &json!({"tier": "enterprise"}))
        .await?
        .expect(200)?;
    assert_eq!(results(&mut import(&directory.0)?)?, ["exists"]);
    assert_eq!(user.get("/api/auth/profile").await?.json(200)?["tier"], "enterprise");
    Ok(())
}
