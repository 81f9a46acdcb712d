//! `cargo xtask import`: finds the stack, and runs the program of the crate `import` on it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::json;

use crate::aws::Aws;
use crate::place::Place;
use crate::{cargo, command, compile, project, seed, tools};

/// What to import, and into which stack.
#[derive(Args)]
pub(crate) struct Import {
    /// The directory, or s3://BUCKET/PREFIX, with the files and `manifest.jsonl`. docs/MIGRATING.md explains the
    /// manifest. The bucket must be in the stack's region.
    from: String,
    /// The manifest, if it is another file.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Let Cognito mail a temporary password to each new user. Without this option, users set a password with "forgot
    /// password".
    #[arg(long)]
    invite: bool,
    /// The country of phone numbers without a country code, such as DE [default: the stack's parameter DefaultRegion].
    #[arg(long, value_name = "COUNTRY")]
    default_region: Option<String>,
    /// The stack's name, as in `sam deploy` [default: the local stack].
    #[arg(long)]
    stack_name: Option<String>,
    /// The stack's region [default: the region of your AWS configuration].
    #[arg(long, requires = "stack_name")]
    region: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// The names of the program's environment variables and of the stack's outputs.
const VARIABLES: [(&str, &str); 4] = [
    ("TABLE_NAME", "TableName"),
    ("UPLOADS_BUCKET", "UploadsBucket"),
    ("DERIVED_BUCKET", "DerivedBucket"),
    ("USER_POOL_ID", "UserPoolId"),
];

/// Builds the program.
pub(crate) fn build() -> Result<()> {
    tools::ensure()?;
    command::step("building the import program", || {
        compile::run(cargo::command(&["build", "--profile", "local"]).args(TARGET))
    })
}

/// Selects the import program for cargo. With the packages of the functions, cargo builds their dependencies with the same
/// features, so that it does not build the AWS SDK again.
pub(crate) const TARGET: &[&str] = &[
    "--workspace",
    "--exclude",
    "tests",
    "--exclude",
    "xtask",
    "--exclude",
    "empty-function",
    "--bin",
    "import",
];

/// Imports the data of an earlier application.
///
/// # Errors
/// The stack does not exist, or something was not imported.
pub(crate) fn run(import: &Import) -> Result<()> {
    build()?;
    let mut program = Command::new(project::local().join("import"));
    let (mut aws, stack) = match &import.stack_name {
        Some(name) => {
            let mut aws = Aws::remote(import.region.as_deref())?;
            // The SDK for Rust would not find all sources of credentials that boto3 knows.
            let session = aws.session()?;
            program.env("AWS_REGION", session.region).env("AWS_ACCESS_KEY_ID", session.access_key);
            program.env("AWS_SECRET_ACCESS_KEY", session.secret_key).env_remove("AWS_SESSION_TOKEN");
            program.envs(session.session_token.map(|token| ("AWS_SESSION_TOKEN", token)));
            command::without_proxy(&mut program);
            (aws, name.clone())
        }
        None => {
            let stack = import.place.stack()?;
            let emulator = stack.running().context("no stack is running; start one with `cargo xtask up`")?;
            emulator.configure(&mut program);
            (Aws::local(&emulator)?, stack.outputs()?.stack_name)
        }
    };
    let outputs = seed::outputs(&mut aws, &stack)?;
    for (variable, output) in VARIABLES {
        let value = outputs.get(output);
        let value = value.with_context(|| format!("the stack has no output {output}; is it Darkroom's?"))?;
        program.env(variable, value);
    }
    let region = match &import.default_region {
        Some(region) => region.clone(),
        None => default_region(&mut aws, &stack)?,
    };
    program.arg(&import.from).args(["--default-region", &region]);
    program.args(import.manifest.iter().flat_map(|file| [PathBuf::from("--manifest"), file.clone()]));
    program.args(import.invite.then_some("--invite"));
    // The program prints the reasons of failures itself.
    let status = command::spawn(&mut program)?.wait()?;
    ensure!(status.code() != Some(2), "some lines were not imported; see above");
    if !status.success() {
        bail!("the import was interrupted; run the same command again, and it continues");
    }
    Ok(())
}

/// The value of the stack's parameter `DefaultRegion`.
fn default_region(aws: &mut Aws, stack: &str) -> Result<String> {
    let described = aws.call("cloudformation", "describe_stacks", json!({"StackName": stack}))?;
    let mut parameters = described["Stacks"][0]["Parameters"].as_array().into_iter().flatten();
    let region = parameters.find(|parameter| parameter["ParameterKey"] == "DefaultRegion");
    Ok(region.and_then(|region| region["ParameterValue"].as_str()).unwrap_or_default().to_owned())
}
