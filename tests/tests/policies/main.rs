//! Functions have no needless permissions: without any single action, something fails.
//!
//! The tests remove permissions and restart functions, which would disturb other tests. So this is a separate binary, and
//! its tests run one after the other.

mod admin;
mod images;
mod imagesets;
mod keys;
mod phones;
mod upload_links;
mod webhooks;
mod workers;

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;
use tests::{Stack, User, email_of, id_of, pictures, unique};
use tokio::sync::{Mutex, MutexGuard};

/// The stack, for one test at a time.
struct Turn {
    stack: Stack,
    _guard: MutexGuard<'static, ()>,
}

impl Deref for Turn {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.stack
    }
}

/// Waits until no other test of this binary runs, and connects to the stack.
async fn turn() -> Result<Turn> {
    static TURN: Mutex<()> = Mutex::const_new(());
    Ok(Turn { _guard: TURN.lock().await, stack: Stack::connect()? })
}

/// The policy for the function's own calls (template.yaml). Roles have another policy for calls that Lambda makes for
/// the function. The emulator does not check those; docs/PERMISSIONS.md lists them.
const OWN: &str = "own";

/// The policy [`OWN`] of a function, as it was deployed.
struct Policy {
    stack: Stack,
    role: String,
    document: Value,
}

impl Policy {
    async fn of(stack: &Stack, function: &str) -> Result<Self> {
        let config = stack.aws.function(&stack.resource(function).await?).await?;
        let role = config["Role"].as_str().context("the function has no role")?;
        let role = role.rsplit('/').next().unwrap_or(role).to_owned();
        let document = stack.aws.role_policy(&role, OWN).await?;
        Ok(Self { stack: stack.clone(), role, document })
    }

    /// Every action with the number of the statement that allows it.
    fn actions(&self) -> Vec<(usize, String)> {
        let statements = self.document["Statement"].as_array().into_iter().flatten().enumerate();
        // Without s3:ListBucket, S3 answers 403 for a missing object. The local stack always answers 404. Only the code of
        // the earlier release needs what the other statement allows.
        let untested = ["MissingObjects", "EarlierRelease"];
        let statements =
            statements.filter(|(_, statement)| untested.iter().all(|sid| statement["Sid"] != *sid));
        let actions = statements.flat_map(|(n, statement)| {
            let actions = statement["Action"].as_array().into_iter().flatten().filter_map(Value::as_str);
            actions.map(move |action| (n, action.to_owned()))
        });
        actions.collect()
    }

    async fn take_away(&self, statement: usize, action: &str) -> Result<()> {
        let mut document = self.document.clone();
        let allowed = document["Statement"][statement]["Action"].as_array_mut().context("no actions")?;
        allowed.retain(|allowed| allowed != action);
        if allowed.is_empty() {
            // A statement must allow something. Everybody may make this call.
            allowed.push(json!("sts:GetCallerIdentity"));
        }
        self.put(&document).await
    }

    async fn put(&self, document: &Value) -> Result<()> {
        self.stack.aws.put_role_policy(&self.role, OWN, document).await
    }
}

/// How long `work` may take without an action, as a multiple of its time with all actions.
const PATIENCE: u32 = 3;
const LEAST_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// The list of denied requests, which the emulator of a test stack writes (`xtask/src/python/emulator.py`).
struct Denials {
    file: PathBuf,
    seen: usize,
}

impl Denials {
    /// The requests that are denied from now on.
    fn from_now() -> Result<Self> {
        let outputs = env::var_os("DARKROOM_OUTPUTS").context("DARKROOM_OUTPUTS is not set")?;
        let file = Path::new(&outputs).with_file_name("stack").join("denied.jsonl");
        let seen = read(&file)?.lines().count();
        Ok(Self { file, seen })
    }

    /// Whether an action was denied to a role.
    fn contain(&self, role: &str, action: &str) -> Result<bool> {
        let caller = format!(":assumed-role/{role}/");
        let denials = read(&self.file)?;
        Ok(denials.lines().skip(self.seen).any(|line| {
            // The last line may still be on its way to the file.
            let denial: Value = serde_json::from_str(line).unwrap_or_default();
            let by_role = denial["caller"].as_str().is_some_and(|arn| arn.contains(&caller));
            by_role && denial["action"] == action
        }))
    }

    /// Waits until an action is denied to a role.
    async fn wait_for(&self, role: &str, action: &str) -> Result<()> {
        while !self.contain(role, action)? {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }
}

fn read(file: &Path) -> Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        text => text.with_context(|| format!("reading {}", file.display())),
    }
}

/// Checks that `work` succeeds with a function's policy, and that each action of the policy is needed: without it, IAM
/// denies a request of the function. The denial is enough, because a message of a queue is retried only after minutes.
async fn needs_all_it_may(stack: &Turn, function: &str, work: impl AsyncFn() -> Result<()>) -> Result<()> {
    let policy = Policy::of(stack, function).await?;
    let begin = Instant::now();
    work().await.context("with the whole policy")?;
    let patience = (begin.elapsed() * PATIENCE).max(LEAST_PATIENCE);
    for (statement, action) in policy.actions() {
        policy.take_away(statement, &action).await?;
        let denials = Denials::from_now()?;
        let needed = tokio::select! {
            denied = denials.wait_for(&policy.role, &action) => denied.map(|()| true),
            outcome = tokio::time::timeout(patience, work()) => match outcome {
                // The last request may have been denied.
                Ok(Ok(())) => denials.contain(&policy.role, &action),
                _ => Ok(true),
            },
        };
        policy.put(&policy.document).await?;
        ensure!(needed?, "nothing shows that {function} needs {action} (statement {statement})");
    }
    work().await.context("with the whole policy again")
}

/// A new image of a picture that is not uploaded.
fn new_image() -> Value {
    json!({"file_name": "a", "content_type": "image/png", "size": 1000})
}

/// A presigned address works only if its signer has the permission.
async fn opens_its_pictures(stack: &Stack, image: &Value) -> Result<()> {
    for url in [&image["thumbnails"][0]["url"], &image["original_url"]] {
        stack.fetch(url.as_str().context("the image has no such address")?).await?.expect(200)?;
    }
    Ok(())
}

/// Creates an image that is ready, and returns its id.
async fn ready(user: &User) -> Result<String> {
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    ensure!(image["status"] == "ready", "{image}");
    Ok(id_of(&image)?.to_owned())
}

#[tokio::test]
async fn auth_profile() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "AuthProfile", async || {
        user.get("/api/auth/profile").await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn auth_profile_update() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    let change = async |email: &str| {
        let change = json!({"email": email, "password": user.password});
        user.patch("/api/auth/profile", &change).await?.expect(200).map(drop)
    };
    // A new address is stored, and the present one removes it.
    needs_all_it_may(&stack, "AuthProfileUpdate", async || {
        change(&email_of(&unique("new"))).await?;
        change(&user.email).await
    })
    .await
}

#[tokio::test]
async fn auth_email_confirm() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "AuthEmailConfirm", async || {
        let email = email_of(&unique("new"));
        let change = json!({"email": email, "password": user.password});
        user.patch("/api/auth/profile", &change).await?.expect(200)?;
        let code = stack.mailed_codes(&json!(email), 1).await?.remove(0);
        user.post("/api/auth/email/confirm", &json!({"code": code})).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn auth_account() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "AuthAccount", async || {
        let user = stack.user().await?;
        let request = user.request(reqwest::Method::DELETE, "/api/auth/account");
        tests::send(request.json(&json!({"password": user.password}))).await?.expect(202).map(drop)
    })
    .await
}

#[tokio::test]
async fn tiers_get() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    let path = "/api/account-tiers/basic";
    needs_all_it_may(&stack, "TiersGet", async || user.get(path).await?.expect(200).map(drop)).await
}

#[tokio::test]
async fn tiers_list() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    let path = "/api/account-tiers";
    needs_all_it_may(&stack, "TiersList", async || user.get(path).await?.expect(200).map(drop)).await
}

/// A function without a test here could have needless permissions.
#[tokio::test]
async fn every_function_with_a_policy_has_its_test() -> Result<()> {
    const TESTED: &str = concat!(
        include_str!("main.rs"),
        include_str!("admin.rs"),
        include_str!("images.rs"),
        include_str!("imagesets.rs"),
        include_str!("keys.rs"),
        include_str!("phones.rs"),
        include_str!("upload_links.rs"),
        include_str!("webhooks.rs"),
        include_str!("workers.rs"),
    );
    let mut template: Yaml = serde_yaml_ng::from_str(include_str!("../../../template.yaml"))?;
    template.apply_merge()?;
    let resources = template["Resources"].as_mapping().context("no Resources")?;
    for (name, function) in resources {
        let Some(role) = role_of(function) else { continue };
        let policies = resources[role]["Properties"]["Policies"].as_sequence().context("no Policies")?;
        if policies.iter().any(|policy| policy["PolicyName"] == OWN) {
            let name = name.as_str().context("a resource without a name")?;
            let test = format!("needs_all_it_may(&stack, \"{name}\"");
            ensure!(TESTED.contains(&test), "{name} has a policy and no test");
        }
    }
    Ok(())
}

/// The role of a function, which the function names with `!GetAtt`.
fn role_of(function: &Yaml) -> Option<&str> {
    let Yaml::Tagged(role) = &function["Properties"]["Role"] else { return None };
    role.value.as_str()?.strip_suffix(".Arn")
}
