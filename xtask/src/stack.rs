//! A local stack: builds, deploys and seeds it, and describes it in `outputs.json`.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::emulator::Emulator;
use crate::judge::{self, Judge};
use crate::project::REGION;
use crate::providers::{Providers, with_parameters};
use crate::venv::{MINISTACK, SAM};
use crate::{cargo, command, compile, edge_keys, project, release, routes, seed, template, tools};

mod outputs;

use outputs::user;
pub(crate) use outputs::{Outputs, User, random, sign_up};

const NAME: &str = "darkroom-local";

/// The allowed origin of the local stack, as in samconfig.toml.
const ALLOWED_ORIGIN: &str = "http://localhost:3000";

/// The directory of a stack's files, and whether its data survives a restart.
pub(crate) struct Stack {
    dir: PathBuf,
    persist: bool,
    judge: Option<Judge>,
    binaries: Binaries,
    edge: bool,
}

/// Which build of the functions a stack runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binaries {
    /// The profile `local`, which compiles in minutes.
    Local,
    /// The build for AWS, by `cargo lambda build --release`.
    Release,
}

impl Stack {
    /// A stack with its files in `dir`. With `persist`, its data survives a restart.
    pub(crate) fn new(dir: &Path, persist: bool) -> Result<Self> {
        let work = dir.join("stack");
        fs::create_dir_all(&work).with_context(|| format!("making {}", work.display()))?;
        // The directory contains keys of providers and of the account.
        fs::set_permissions(&work, Permissions::from_mode(0o700))?;
        Ok(Self { dir: fs::canonicalize(dir)?, persist, judge: None, binaries: Binaries::Local, edge: false })
    }

    /// Adds a judge in front of the stack's emulator.
    pub(crate) fn with_judge(self, judge: Judge) -> Self {
        Self { judge: Some(judge), ..self }
    }

    /// The same stack with the edge in front, as the template's parameter `Edge` has it.
    pub(crate) fn with_edge(self) -> Self {
        Self { edge: true, ..self }
    }

    /// Runs `work` on the stack.
    ///
    /// # Errors
    /// The work failed, or the judge refused a request.
    pub(crate) fn judged<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = work();
        let Err(refused) = judge::verdict(&self.work()) else { return result };
        // The refusal may be the cause.
        if let Err(error) = result {
            eprintln!("{error:#}");
        }
        Err(refused)
    }

    /// The same stack with these functions.
    pub(crate) fn running_on(self, binaries: Binaries) -> Self {
        Self { binaries, ..self }
    }

    /// Starts the stack, or updates it if it runs. A `port` of 0 is any free port.
    pub(crate) fn up(&self, port: u16, providers: &Providers) -> Result<(Emulator, Outputs)> {
        if self.running().is_none() {
            // Not while the stack runs.
            MINISTACK.ensure()?;
        }
        SAM.ensure()?;
        match self.binaries {
            Binaries::Local => build()?,
            Binaries::Release => release::build(&[])?,
        }
        self.stage()?;
        let previous = self.outputs().ok();
        let emulator = self.emulator(port, previous.as_ref())?;
        providers.store(&mut Aws::local(&emulator)?)?;
        command::step("deploying template.yaml with sam", || self.deploy(&emulator, providers))?;
        if self.edge {
            command::step("turning the edge on", || {
                edge_keys::turn_on(&mut Aws::local(&emulator)?, NAME, &edge_domain(&emulator))
            })?;
        }
        let outputs = command::step("making routes and users", || self.fill(&emulator, previous))?;
        emulator.save()?;
        Ok((emulator, outputs))
    }

    /// Stops the stack. With `purge`, also deletes all its files.
    pub(crate) fn down(&self, purge: bool) -> Result<bool> {
        let running = self.running();
        if let Some(emulator) = &running {
            emulator.stop()?;
        }
        if purge {
            fs::remove_dir_all(self.work())?;
            // Missing if `up` never finished.
            let _ = fs::remove_file(self.outputs_file());
        }
        Ok(running.is_some())
    }

    /// The stack's emulator, if it runs.
    pub(crate) fn running(&self) -> Option<Emulator> {
        Emulator::running(&self.work())
    }

    /// The outputs that the last `up` wrote.
    pub(crate) fn outputs(&self) -> Result<Outputs> {
        let path = self.outputs_file();
        let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("in {}", path.display()))
    }

    /// The path of `outputs.json`.
    pub(crate) fn outputs_file(&self) -> PathBuf {
        self.dir.join("outputs.json")
    }

    /// The paths of the log files. Some may not exist.
    pub(crate) fn logs(&self) -> [PathBuf; 2] {
        [self.work().join("ministack.log"), self.deploy_log()]
    }

    /// The path of the configuration that `watch` generates.
    pub(crate) fn watch_config(&self) -> PathBuf {
        self.work().join("watch.toml")
    }

    fn emulator(&self, port: u16, previous: Option<&Outputs>) -> Result<Emulator> {
        if let Some(emulator) = self.running() {
            let current = emulator.identity().port;
            if current != port {
                bail!(
                    "the stack runs on port {current}; end it with `cargo xtask down` to move it to {port}"
                );
            }
            return Ok(emulator);
        }
        let secret = previous.map_or_else(random, |outputs| Ok(outputs.secret_key.clone()))?;
        // Chosen now, because other programs open ports while this one builds.
        let port = if port == 0 { free_port()? } else { port };
        command::step(&format!("starting ministack on 127.0.0.1:{port}"), || {
            Emulator::start(&self.work(), port, self.persist, secret, self.judge.as_ref())
        })
    }

    /// Prepares the input of `sam deploy`: the functions' zips, and the template with their paths instead of directories.
    /// SAM would compress all functions at each deployment. This compresses only those that changed, once for all stacks.
    fn stage(&self) -> Result<()> {
        let kind = if self.binaries == Binaries::Local { "local" } else { "release" };
        let archives = project::target().join("packed").join(kind);
        let turn = command::turn(&archives)?;
        let template = project::template();
        let mut text = without_aliases(&fs::read_to_string(&template)?);
        let mut python = Command::new(SAM.bin("python"));
        python.args(["-c", include_str!("python/pack.py")]);
        for function in template::functions(&template)? {
            let binary = self.binary(&function.bin);
            ensure!(binary.exists(), "{} (named in template.yaml) was not built", binary.display());
            let archive = archives.join(format!("{}.zip", function.bin));
            // A string of JSON is one of YAML too, whatever the path contains.
            let path = Value::from(archive.to_string_lossy()).to_string();
            text = text.replace(&format!("target/lambda/{}/", function.bin), &path);
            python.arg(archive).arg(binary);
        }
        command::step("packing the functions", || command::run(&mut python))?;
        drop(turn);
        fs::create_dir_all(self.stage_dir())?;
        Ok(fs::write(self.stage_dir().join("template.yaml"), text)?)
    }

    /// The path of a function's binary.
    fn binary(&self, function: &str) -> PathBuf {
        match self.binaries {
            Binaries::Local => project::local().join(function),
            Binaries::Release => release::binary(function),
        }
    }

    fn deploy(&self, emulator: &Emulator, providers: &Providers) -> Result<()> {
        let samconfig = fs::read_to_string(project::root().join("samconfig.toml"))?;
        let config = self.stage_dir().join("samconfig.toml");
        let mut defaults = template::defaults(&project::template())?;
        if self.edge {
            // They keep the values that the edge has.
            defaults.retain(|name, _| !name.starts_with("Edge"));
        }
        let mut parameters = providers.parameters();
        // The functions run on this machine's processor.
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        parameters.push(format!("Architecture={architecture}"));
        fs::write(&config, with_parameters(&samconfig, &parameters, &defaults))?;
        let mut sam = Command::new(SAM.bin("sam"));
        emulator.configure(&mut sam).env("SAM_CLI_TELEMETRY", "0").current_dir(self.stage_dir());
        sam.args(["deploy", "--template-file", "template.yaml", "--stack-name", NAME]);
        sam.args(["--config-env", "local", "--config-file"]).arg(config);
        command::run_logged(&mut sam, &self.deploy_log())
    }

    fn fill(&self, emulator: &Emulator, previous: Option<Outputs>) -> Result<Outputs> {
        let mut aws = Aws::local(emulator)?;
        routes::apply(&mut aws, NAME)?;
        let mut deployed = seed::outputs(&mut aws, NAME)?;
        let mut output =
            |name: &str| deployed.remove(name).with_context(|| format!("template.yaml has no output {name}"));
        let api_id = output("ApiId")?;
        let identity = emulator.identity();
        let api_url = format!("http://{api_id}.execute-api.localhost:{}", identity.port);
        let edge_url = if self.edge { format!("http://{}", edge_domain(emulator)) } else { String::new() };
        let outputs = Outputs {
            web_url: format!("{}/", if self.edge { &edge_url } else { &api_url }),
            api_url,
            edge_url,
            endpoint_url: emulator.endpoint(),
            allowed_origin: ALLOWED_ORIGIN.to_owned(),
            region: REGION.to_owned(),
            user_pool_id: output("UserPoolId")?,
            client_id: output("UserPoolClientId")?,
            uploads_bucket: output("UploadsBucket")?,
            derived_bucket: output("DerivedBucket")?,
            table: output("TableName")?,
            stack_name: NAME.to_owned(),
            demo: user(previous.as_ref().map(|outputs| &outputs.demo), "demo")?,
            admin: user(previous.as_ref().map(|outputs| &outputs.admin), "admin")?,
            access_key: identity.access_key.clone(),
            secret_key: identity.secret_key.clone(),
            session_token: None,
            is_remote: false,
            api_id,
            pid: identity.pid,
        };
        // ministack's CloudFormation ignores the TimeToLiveSpecification of template.yaml.
        let ttl = json!({"Enabled": true, "AttributeName": "expires_at"});
        let ttl = json!({"TableName": outputs.table, "TimeToLiveSpecification": ttl});
        aws.call("dynamodb", "update_time_to_live", ttl)?;
        for (user, group) in [(&outputs.demo, None), (&outputs.admin, Some("admin"))] {
            let sub = sign_up(&mut aws, &outputs.user_pool_id, user, group)?;
            seed::enterprise_profile(&mut aws, &outputs.table, &sub)?;
        }
        let file = self.outputs_file();
        fs::write(&file, serde_json::to_vec_pretty(&outputs)?)?;
        fs::set_permissions(&file, Permissions::from_mode(0o600))?;
        Ok(outputs)
    }

    fn work(&self) -> PathBuf {
        self.dir.join("stack")
    }

    fn stage_dir(&self) -> PathBuf {
        self.work().join("stage")
    }

    fn deploy_log(&self) -> PathBuf {
        self.work().join("deploy.log")
    }
}

/// The template without the aliases of functions. An alias names a published version, which tests could not redirect or
/// slow down, and the emulator knows no gradual deployment.
fn without_aliases(template: &str) -> String {
    let lines = template.lines().filter(|line| !line.trim_start().starts_with("AutoPublishAlias: "));
    let lines = lines.filter(|line| !line.trim_start().starts_with("DeploymentPreference: "));
    let lines = lines.filter(|line| !line.trim_start().starts_with("VersionDescription: "));
    let template = lines.collect::<Vec<_>>().join("\n");
    template.replace("!Ref WorkersThumbnail.Alias", "!GetAtt WorkersThumbnail.Arn")
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?;
    Ok(listener.local_addr()?.port())
}

/// The domain name of the stack's edge, with its port. xtask/src/python/edge.py chooses the name of the distribution.
fn edge_domain(emulator: &Emulator) -> String {
    format!("darkroomedge.cloudfront.localhost:{}", emulator.identity().port)
}

/// Builds every function with one call of cargo.
pub(crate) fn build() -> Result<()> {
    tools::ensure()?;
    command::step("building the functions (the first time takes minutes)", || {
        compile::run(&mut cargo::command(&["build", "--profile", "local", "--bins"]))
    })
}
