//! Imports that are interrupted and repeated, and imports that have to wait

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, User, id_of, pictures, until};

use super::run::{Directory, first_login, images, import, report, results, user_line};

/// A user and images with different files, and the number of bytes of all files.
fn prepare(directory: &Directory, count: u32) -> Result<(Value, u64)> {
    let user = user_line("enterprise");
    let mut lines = vec![user.clone()];
    let mut bytes = 0;
    for number in 0..count {
        let (name, picture) = (format!("{number}.png"), pictures::png(40 + number, 30)?);
        bytes += picture.len() as u64;
        directory.write(&name, picture)?;
        let created_at = format!("2019-05-01T12:00:{number:02}Z");
        lines.push(json!({"type": "image", "id": name, "user": user["username"], "file": name, "created_at": created_at}));
    }
    directory.manifest(&lines)?;
    Ok((user, bytes))
}

/// Every image is there once, and is ready.
async fn complete(user: &User, count: u32, bytes: u64) -> Result<()> {
    user.usage_becomes(count.into(), bytes).await?;
    let mut names = Vec::new();
    for image in images(user).await? {
        let image = user.developed(id_of(&image)?).await?;
        assert_eq!(image["status"], "ready", "{image}");
        names.push(image["file_name"].as_str().context("no name")?.to_owned());
    }
    // The newest come first.
    let expected: Vec<String> = (0..count).rev().map(|number| format!("{number}.png")).collect();
    assert_eq!(names, expected);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it runs `cargo xtask import` there and reads the emulator's mailbox"]
async fn a_killed_import_continues() -> Result<()> {
    const COUNT: u32 = 12;
    let (stack, directory) = (Stack::connect()?, Directory::new()?);
    let (line, bytes) = prepare(&directory, COUNT)?;
    // The first run is killed after the user, the second one after some images.
    for lines in [1, 4] {
        let mut command = import(&directory.0)?;
        let mut run = command.stdout(Stdio::piped()).process_group(0).spawn()?;
        let output = BufReader::new(run.stdout.take().context("no output")?);
        let seen = output.lines().take(lines).collect::<Result<Vec<_>, _>>()?;
        let kill = Command::new("kill").args(["-KILL", "--", &format!("-{}", run.id())]).status()?;
        run.wait()?;
        ensure!(kill.success() && seen.len() == lines, "the import ended first: {seen:?}");
    }
    let results = results(&mut import(&directory.0)?)?;
    assert_eq!(results.len(), COUNT as usize + 1);
    let user = first_login(&stack, &line).await?;
    complete(&user, COUNT, bytes).await?;
    // What the user deletes does not come back.
    let deleted = images(&user).await?.swap_remove(0);
    user.delete(&format!("/api/images/{}?permanent=true", id_of(&deleted)?)).await?.expect(204)?;
    assert!(self::results(&mut import(&directory.0)?)?.iter().all(|result| result == "exists"));
    assert_eq!(images(&user).await?.len(), COUNT as usize - 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it runs `cargo xtask import` there and reads the emulator's mailbox"]
async fn an_image_whose_file_did_not_arrive_gets_it_later() -> Result<()> {
    let (stack, directory) = (Stack::connect()?, Directory::new()?);
    let (line, bytes) = prepare(&directory, 2)?;
    // Nothing listens at the address of S3, so the import ends after it has created the images.
    let mut broken = import(&directory.0)?;
    broken.args(["--stack-name", &stack.outputs.stack_name, "--region", &stack.outputs.region]);
    broken
        .env("AWS_ENDPOINT_URL", &stack.outputs.endpoint_url)
        .env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9");
    broken.env("AWS_ACCESS_KEY_ID", &stack.outputs.access_key);
    broken.env("AWS_SECRET_ACCESS_KEY", &stack.outputs.secret_key);
    let output = broken.env_remove("AWS_SESSION_TOKEN").env_remove("AWS_PROFILE").output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("Run the same command again"), "{output:?}");
    assert!(!errors.contains("X-Amz-Signature"), "a presigned URL is a secret: {errors}");
    assert_eq!(report(&output).len(), 1, "{output:?}");

    let user = first_login(&stack, &line).await?;
    let pending = images(&user).await?;
    assert_eq!(pending.iter().map(|image| &image["status"]).collect::<Vec<_>>(), ["pending", "pending"]);
    // One of them expires.
    user.remove_record(id_of(&pending[0])?).await?;
    until("the quota of the expired image", async || Ok((user.usage().await?.0 == 1).then_some(()))).await?;
    assert_eq!(results(&mut import(&directory.0)?)?, ["exists", "created", "created"]);
    complete(&user, 2, bytes).await?;
    assert_eq!(results(&mut import(&directory.0)?)?, ["exists"; 3]);
    complete(&user, 2, bytes).await
}

#[tokio::test]
#[ignore = "needs the local stack: it runs `cargo xtask import` there and reads the emulator's mailbox"]
async fn an_import_waits_while_a_user_creates_too_much() -> Result<()> {
    let (stack, directory) = (Stack::connect()?, Directory::new()?);
    let (line, bytes) = prepare(&directory, 3)?;
    directory.write("user.jsonl", format!("{line}\n"))?;
    let user = directory.0.join("user.jsonl");
    assert_eq!(results(import(&directory.0)?.arg("--manifest").arg(user))?, ["created"]);
    let user = first_login(&stack, &line).await?;
    // The bucket has tokens again after half a minute.
    let full = jiff::Timestamp::now().as_millisecond() + 30_000;
    user.change_profile("SET creation_bucket = :time", json!({":time": full})).await?;
    assert_eq!(results(&mut import(&directory.0)?)?, ["exists", "created", "created", "created"]);
    complete(&user, 3, bytes).await
}
