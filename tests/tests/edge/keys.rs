//! The keys of the edge: `cargo xtask edge-keys`, and who may read them

use std::{env, path::Path, process::Command};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, Tier, id_of, pictures};

use crate::{KEYS, signer::Signer};

/// Runs `cargo xtask edge-keys` on the stack, and returns its standard error if it failed.
fn edge_keys(option: Option<&str>) -> Result<Option<String>> {
    let xtask = env::var("DARKROOM_XTASK").context("use `cargo xtask test`, which says where xtask is")?;
    let outputs = env::var("DARKROOM_OUTPUTS").context("no stack")?;
    let dir = Path::new(&outputs).parent().context("no directory")?;
    let output = Command::new(xtask).arg("edge-keys").args(option).arg("--dir").arg(dir).output()?;
    Ok((!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn key_id(url: &str) -> &str {
    let rest = url.split("Key-Pair-Id=").nth(1).unwrap_or_default();
    rest.split('&').next().unwrap_or_default()
}

#[tokio::test]
async fn addresses_survive_a_new_key_until_the_old_one_is_retired() -> Result<()> {
    let _keys = KEYS.write().await;
    let stack = Stack::connect_to_edge()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(64, 64)?).await?;
    let address = async || -> Result<String> {
        let image = user.image(id_of(&image)?).await?;
        image["thumbnails"][0]["url"].as_str().map(str::to_owned).context("no thumbnail")
    };
    let old = address().await?;
    assert_eq!(key_id(&old), Signer::of(&stack).await?.key_id);
    let function = stack.resource("ImagesGet").await?;
    let variables = async || {
        Ok::<_, anyhow::Error>(stack.aws.function(&function).await?["Environment"]["Variables"].take())
    };
    let old_variables = variables().await?;

    let refusal = edge_keys(None)?.context("a second first key")?;
    assert!(refusal.contains("use --rotate"), "{refusal}");
    let refusal = edge_keys(Some("--retire"))?.context("the only key was retired")?;
    assert!(refusal.contains("none to retire"), "{refusal}");

    assert_eq!(edge_keys(Some("--rotate"))?, None);
    let new = address().await?;
    assert_ne!(key_id(&new), key_id(&old));
    for url in [&old, &new] {
        stack.fetch(url).await?.expect(200)?;
    }
    let refusal = edge_keys(Some("--rotate"))?.context("a third key")?;
    assert!(refusal.contains("use --retire first"), "{refusal}");

    // CloudFormation updates the roles before the functions, so a function may start with the old key and the new role.
    let new_variables = variables().await?;
    stack.aws.set_variables(&function, &old_variables).await?;
    let between = address().await;
    stack.aws.set_variables(&function, &new_variables).await?;
    assert_eq!(key_id(&between?), key_id(&old));

    assert_eq!(edge_keys(Some("--retire"))?, None);
    stack.fetch(&old).await?.expect(403)?;
    stack.fetch(&new).await?.expect(200)?;
    assert_eq!(address().await?, new);
    Ok(())
}

/// The statements of a function's own policy that allow it to read secrets.
async fn secrets(stack: &Stack, function: &str) -> Result<(String, Value, Vec<Value>)> {
    let config = stack.aws.function(&stack.resource(function).await?).await?;
    let role = config["Role"].as_str().context("no role")?;
    let role = role.rsplit('/').next().unwrap_or(role).to_owned();
    let document = stack.aws.role_policy(&role, "own").await?;
    let statements = document["Statement"].as_array().into_iter().flatten();
    let read = statements.filter(|statement| statement["Action"].to_string().contains("secretsmanager:"));
    let read = read.cloned().collect();
    Ok((role, document, read))
}

#[tokio::test]
async fn a_function_that_signs_may_read_the_keys_and_no_other_secret() -> Result<()> {
    let _keys = KEYS.write().await;
    let stack = Stack::connect_to_edge()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(64, 64)?).await?;
    let path = format!("/api/images/{}", id_of(&image)?);
    let (role, document, read) = secrets(&stack, "ImagesGet").await?;
    let [statement] = read.as_slice() else { anyhow::bail!("{read:?}") };
    let resources = statement["Resource"].as_array().context("no list of resources")?;
    let names: Vec<&str> = resources
        .iter()
        .filter_map(|resource| resource.as_str()?.split_once(":secret:"))
        .map(|(_, name)| name)
        .collect();
    let both = ["A", "B"].map(|key| format!("{}/edge-key-{key}-??????", stack.outputs.stack_name));
    assert_eq!(names, both);
    assert_eq!(statement["Action"], json!(["secretsmanager:GetSecretValue"]));
    assert!(secrets(&stack, "ImagesDelete").await?.2.is_empty());

    let mut without = document.clone();
    without["Statement"].as_array_mut().context("no statements")?.retain(|kept| kept != statement);
    stack.aws.put_role_policy(&role, "own", &without).await?;
    stack.aws.restart(&stack.resource("ImagesGet").await?).await?;
    let denied = user.get(&path).await;
    stack.aws.put_role_policy(&role, "own", &document).await?;
    stack.aws.restart(&stack.resource("ImagesGet").await?).await?;
    denied?.problem(500, "internal")?;
    user.get(&path).await?.expect(200)?;
    Ok(())
}
