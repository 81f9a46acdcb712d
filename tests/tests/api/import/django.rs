//! The five Django backends, exported with the lines of docs/MIGRATING.md and imported

use std::{collections::BTreeMap, env, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, User, id_of};

use super::run::{Directory, first_login, images, import, results};

/// In the order of the import: the application with the tiers is first.
const APPLICATIONS: [&str; 5] = ["django_image", "beepdata", "image_edit_api", "dropbox_upload", "aizen"];

/// The Django project in tests/django, with its database and files in a directory of its own.
struct Project {
    directory: Directory,
    run: String,
}

impl Project {
    fn new() -> Result<Self> {
        let (directory, run) = (Directory::new()?, format!("dj{:08x}", fastrand::u32(..)));
        let project = Self { directory, run };
        let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/MIGRATING.md"))?;
        for block in guide.split("```python\n# ").skip(1) {
            let (name, code) = block.split_once('\n').context("a block without a name")?;
            let (code, _) = code.split_once("```").context("a block without an end")?;
            project.directory.write(name, code)?;
        }
        project.manage(&["migrate", "--run-syncdb", "-v0"], None)?;
        project.shell(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/django/fill.py")))?;
        Ok(project)
    }

    fn shell(&self, script: &Path) -> Result<()> {
        self.manage(&["shell"], Some(script))
    }

    fn manage(&self, arguments: &[&str], script: Option<&Path>) -> Result<()> {
        let python = env::var("DARKROOM_DJANGO").context("use `cargo xtask test`, which installs Django")?;
        let mut manage = Command::new(python);
        manage.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/django/manage.py")).args(arguments);
        manage.current_dir(&self.directory.0).env("RUN", &self.run);
        manage.env("PYTHONPATH", &self.directory.0).env("PYTHONDONTWRITEBYTECODE", "1");
        if let Some(script) = script {
            manage.stdin(fs::File::open(script)?);
        }
        let output = manage.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Exports an application to a manifest, and returns the lines.
    fn export(&self, application: &str) -> Result<Vec<Value>> {
        let directory = &self.directory.0;
        self.shell(&directory.join(format!("export_{application}.py")))?;
        let manifest = directory.join(format!("{application}.jsonl"));
        fs::rename(directory.join("manifest.jsonl"), &manifest)?;
        let text = fs::read_to_string(manifest)?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    fn import(&self, application: &str) -> Result<Vec<String>> {
        let manifest = self.directory.0.join(format!("{application}.jsonl"));
        let mut import = import(self.directory.0.join("media"))?;
        results(import.args(["--default-region", "DE", "--manifest"]).arg(manifest))
    }
}

fn of_type<'a>(lines: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["type"] == kind)
}

/// The time that the API shows: the same in milliseconds and in UTC.
fn shown_time(line: &Value, name: &str) -> Result<String> {
    let time: jiff::Timestamp = line[name].as_str().context("no time")?.parse()?;
    Ok(jiff::Timestamp::from_millisecond(time.as_millisecond())?.to_string())
}

#[tokio::test]
#[ignore = "needs the local stack: it runs `cargo xtask import` there and reads the emulator's mailbox"]
async fn the_five_backends_are_exported_and_imported_once() -> Result<()> {
    let stack = Stack::connect()?;
    let project = Project::new()?;
    let mut lines = Vec::new();
    let mut logins: BTreeMap<String, Value> = BTreeMap::new();
    for application in APPLICATIONS {
        let exported = project.export(application)?;
        let expected: Vec<&str> = exported
            .iter()
            .map(|line| {
                let name = line["username"].to_string();
                let is_known = line["type"] == "user" && logins.insert(name, line.clone()).is_some();
                if is_known { "exists" } else { "created" }
            })
            .collect();
        assert_eq!(project.import(application)?, expected, "{application}");
        lines.extend(exported);
    }
    let count = |kind| of_type(&lines, kind).count();
    assert_eq!((logins.len(), count("set"), count("image"), count("tier")), (3, 4, 20, 1));

    let mut users = Vec::new();
    for line in logins.values() {
        users.push(first_login(&stack, line).await?);
    }
    arrived(&project, &lines, &users).await?;
    // The second import finds everything.
    for application in APPLICATIONS {
        let results = project.import(application)?;
        assert!(results.iter().all(|result| result == "exists"), "{application}: {results:?}");
    }
    arrived(&project, &lines, &users).await
}

/// Everything is there once, as it was.
async fn arrived(project: &Project, lines: &[Value], users: &[User]) -> Result<()> {
    for user in users {
        let is_owner = |line: &&Value| line["user"].as_str() == Some(&user.username);
        let profile = user.get("/api/auth/profile").await?.json(200)?;
        assert_eq!(profile["tier"], json!(format!("{}-gold", project.run)));

        let mut expected = Vec::new();
        let mut bytes = 0;
        for line in of_type(lines, "image").filter(is_owner) {
            let path = line["file"].as_str().context("no file")?;
            let file = fs::read(project.directory.0.join("media").join(path))?;
            bytes += file.len() as u64;
            let name = line["file_name"].as_str().or_else(|| path.rsplit('/').next());
            let number = line["phone_number"].as_str().map(|number| match number {
                "0171 2345678" => "+491712345678",
                _ => "+4930901820",
            });
            let description = line["description"].as_str().filter(|text| !text.is_empty());
            let time = shown_time(line, "created_at")?;
            expected.push((time, json!([name, description, number]), file));
        }
        expected.sort_unstable_by(|a, b| (&b.0, a.1.to_string()).cmp(&(&a.0, b.1.to_string())));
        let mut found = Vec::new();
        for image in images(user).await? {
            let image = user.developed(id_of(&image)?).await?;
            assert_eq!(image["status"], "ready", "{image}");
            let sizes: Vec<&Value> = image["thumbnails"]
                .as_array()
                .context("no thumbnails")?
                .iter()
                .map(|one| &one["size"])
                .collect();
            assert_eq!(sizes, [&json!(100), &json!(300)]);
            let original = image["original_url"].as_str().context("no original")?;
            let file = user.stack.fetch(original).await?.expect(200)?.bytes;
            let says = json!([image["file_name"], image["description"], image["phone_number"]]);
            found.push((image["created_at"].as_str().context("no time")?.to_owned(), says, file));
        }
        found.sort_unstable_by(|a, b| (&b.0, a.1.to_string()).cmp(&(&a.0, b.1.to_string())));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!((&found.0, &found.1), (&expected.0, &expected.1));
            assert!(found.2 == expected.2, "the file of {} is another one", found.1);
        }
        user.usage_becomes(expected.len() as u64, bytes).await?;
        sets_arrived(lines, user).await?;
    }
    let office = users.iter().find(|user| user.username.ends_with("office")).context("no office")?;
    for (number, count) in [("+4930901820", 2), ("+491712345678", 1)] {
        let list = office.get(&format!("/api/phones/{number}/images")).await?.json(200)?;
        assert_eq!(list["images"].as_array().map(Vec::len), Some(count));
    }
    Ok(())
}

/// The user's sets have their texts, times and images.
async fn sets_arrived(lines: &[Value], user: &User) -> Result<()> {
    let mut expected = Vec::new();
    for line in of_type(lines, "set").filter(|line| line["user"].as_str() == Some(&user.username)) {
        let mut slots = BTreeMap::new();
        for image in of_type(lines, "image").filter(|image| image["set"]["id"] == line["id"]) {
            let slot = image["set"]["image_type"].as_str().context("no slot")?;
            slots.insert(slot.to_owned(), shown_time(image, "created_at")?);
        }
        let times = (shown_time(line, "created_at")?, shown_time(line, "updated_at")?);
        expected.push((times, json!([line["title"], line["description"]]), slots));
    }
    // The newest come first.
    expected.sort_unstable_by(|a, b| b.0.cmp(&a.0));
    let list = user.get("/api/imagesets").await?.json(200)?;
    let mut found = Vec::new();
    for set in list["imagesets"].as_array().context("no sets")? {
        let mut slots = BTreeMap::new();
        for (slot, image) in set["images"].as_object().context("no slots")? {
            if let Some(time) = image["created_at"].as_str() {
                slots.insert(slot.clone(), time.to_owned());
            }
        }
        let time = |name: &str| set[name].as_str().map(str::to_owned).context("no time");
        let times = (time("created_at")?, time("updated_at")?);
        found.push((times, json!([set["title"], set["description"]]), slots));
    }
    assert_eq!(found, expected);
    Ok(())
}
