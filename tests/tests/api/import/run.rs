//! Runs `cargo xtask import` on the stack under test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, User, unique};

/// A directory for files and manifests. It is removed at the end.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Result<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique("import"));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(fs::write(self.0.join(name), bytes)?)
    }

    /// Writes `manifest.jsonl`.
    pub(crate) fn manifest(&self, lines: &[Value]) -> Result<()> {
        self.write("manifest.jsonl", manifest(lines))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A file that stays disturbs nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The text of a manifest.
pub(crate) fn manifest(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A user's line. The user's name is unique.
pub(crate) fn user_line(tier: &str) -> Value {
    let username = unique("imp");
    json!({"type": "user", "username": username, "email": format!("{username}@example.com"), "tier": tier})
}

/// `cargo xtask import` of a directory or a prefix.
pub(crate) fn import(from: impl AsRef<std::ffi::OsStr>) -> Result<Command> {
    let xtask = env::var("DARKROOM_XTASK").context("use `cargo xtask test`, which says where xtask is")?;
    let outputs = env::var("DARKROOM_OUTPUTS").context("no stack")?;
    let mut command = Command::new(xtask);
    command.arg("import").arg(from).arg("--dir").arg(Path::new(&outputs).parent().context("no directory")?);
    Ok(command)
}

/// The report: a line for each line of the manifest, and other lines.
pub(crate) fn report(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Runs an import that imports everything, and returns the results of the lines, such as `created`, in their order.
pub(crate) fn results(command: &mut Command) -> Result<Vec<String>> {
    let output = command.output()?;
    ensure!(output.status.success(), "{output:?}");
    let mut lines: Vec<(usize, String)> = report(&output).iter().filter_map(|line| result(line)).collect();
    lines.sort_unstable();
    Ok(lines.into_iter().map(|(_, result)| result).collect())
}

/// `(12, "created")` of `line 12, image "7": created`.
fn result(line: &str) -> Option<(usize, String)> {
    let (number, _) = line.strip_prefix("line ")?.split_once(',')?;
    let (_, result) = line.rsplit_once(": ")?;
    Some((number.parse().ok()?, result.to_owned()))
}

/// The imported user, who sets a password with "forgot password".
pub(crate) async fn first_login(stack: &Stack, line: &Value) -> Result<User> {
    let text = |name: &str| line[name].as_str().map(str::to_owned).context("an incomplete line");
    let (username, email, password) = (text("username")?, text("email")?, unique("Pass-Word"));
    stack.post("/api/auth/password/forgot", &json!({"username": username})).await?.expect(202)?;
    let code = stack.mailed_codes(&json!(email), 1).await?.remove(0);
    let reset = json!({"username": username, "code": code, "new_password": password});
    stack.post("/api/auth/password/reset", &reset).await?.expect(204)?;
    let login = json!({"username": username, "password": password});
    let tokens = serde_json::from_value(stack.post("/api/auth/login", &login).await?.json(200)?)?;
    let mut user = User { stack: stack.clone(), id: String::new(), username, email, password, tokens };
    let profile = user.get("/api/auth/profile").await?.json(200)?;
    user.id = profile["id"].as_str().context("a profile without an id")?.to_owned();
    Ok(user)
}

/// All images of a user, newest first.
pub(crate) async fn images(user: &User) -> Result<Vec<Value>> {
    let list = user.get("/api/images?limit=100").await?.json(200)?;
    Ok(list["images"].as_array().context("no list")?.clone())
}
