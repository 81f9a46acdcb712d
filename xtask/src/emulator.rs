//! One running ministack, the AWS emulator of a local stack.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::command;
use crate::judge::Judge;
use crate::project::REGION;
use crate::venv::MINISTACK;

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// The emulator of one stack. All its files are in one directory.
pub(crate) struct Emulator {
    dir: PathBuf,
    identity: Identity,
}

/// The data with which a later command finds a running emulator.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    pub(crate) port: u16,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

impl Emulator {
    /// The emulator that runs with its files in `dir`, if there is one.
    pub(crate) fn running(dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(dir.join("emulator.json")).ok()?;
        let identity: Identity = serde_json::from_str(&text).ok()?;
        let emulator = Self { dir: dir.to_owned(), identity };
        emulator.is_alive().then_some(emulator)
    }

    /// Starts an emulator with its files in `dir`, and waits until it answers.
    /// With a judge, it refuses and records requests that AWS would refuse.
    pub(crate) fn start(
        dir: &Path,
        port: u16,
        persist: bool,
        secret_key: String,
        judge: Option<&Judge>,
    ) -> Result<Self> {
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            bail!("port {port} is in use by another program; choose another one with --port");
        }
        let tmp = dir.join("tmp");
        // A killed emulator leaves unpacked functions here. The saved state contains them too.
        let _ = fs::remove_dir_all(&tmp);
        fs::create_dir_all(&tmp).with_context(|| format!("making {}", tmp.display()))?;
        let script = dir.join("emulator.py");
        fs::write(&script, include_str!("python/emulator.py"))?;
        for (name, text) in [
            ("challenges.py", include_str!("python/challenges.py")),
            ("cognito.py", include_str!("python/cognito.py")),
            ("starts.py", include_str!("python/starts.py")),
            ("streams.py", include_str!("python/streams.py")),
            ("edge.py", include_str!("python/edge.py")),
            ("edge_cache.py", include_str!("python/edge_cache.py")),
            ("signed_urls.py", include_str!("python/signed_urls.py")),
            ("deliveries.py", include_str!("python/deliveries.py")),
            ("judge.py", include_str!("python/judge.py")),
            ("meter.py", include_str!("python/meter.py")),
            ("service_models.py", include_str!("python/service_models.py")),
        ] {
            fs::write(dir.join(name), text)?;
        }
        let log = command::append(&dir.join("ministack.log"))?;
        let endpoint = format!("http://localhost:{port}");
        let access_key = "darkroom".to_owned();
        let mut python = Command::new(MINISTACK.bin("python"));
        python.arg(&script).args(judge.into_iter().flat_map(|judge| judge.arguments(dir)));
        python.current_dir(dir).env_clear();
        // Functions inherit these variables. They must not see the variables of this shell.
        python.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        python.env("HOME", dir).env("TMPDIR", &tmp).env("LANG", "C.UTF-8").env("PYTHONUNBUFFERED", "1");
        python.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        python.env("AUTH", "true").env("AWS_ENDPOINT_URL", endpoint).env("MINISTACK_REGION", REGION);
        python.env("AWS_ACCESS_KEY_ID", &access_key).env("AWS_SECRET_ACCESS_KEY", &secret_key);
        python.env("PERSIST_STATE", if persist { "1" } else { "0" }).env("STATE_DIR", dir.join("state"));
        python.env("S3_PERSIST", if persist { "1" } else { "0" }).env("S3_DATA_DIR", dir.join("s3"));
        // Services that would open ports of their own.
        python.env("IOT_MTLS_ENABLED", "0").env("SFTP_ENABLED", "0");
        python.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut child = command::spawn(&mut python)?;
        let pid = i32::try_from(child.id())?;
        let emulator = Self { dir: dir.to_owned(), identity: Identity { pid, port, access_key, secret_key } };
        fs::write(dir.join("emulator.json"), serde_json::to_vec_pretty(&emulator.identity)?)?;
        let start = Instant::now();
        while !emulator.is_healthy() {
            if let Some(status) = child.try_wait()? {
                bail!("ministack ended with {status}; see {}", emulator.log().display());
            }
            if start.elapsed() > START {
                emulator.stop()?;
                bail!("ministack does not answer; see {}", emulator.log().display());
            }
            sleep(POLL);
        }
        Ok(emulator)
    }

    /// Stops the emulator, which then saves its state.
    pub(crate) fn stop(&self) -> Result<()> {
        let start = Instant::now();
        self.signal(Signal::SIGTERM)?;
        while self.is_alive() {
            if start.elapsed() > STOP {
                self.signal(Signal::SIGKILL)?;
                break;
            }
            sleep(POLL);
        }
        Ok(fs::remove_file(self.dir.join("emulator.json"))?)
    }

    /// Saves the state now instead of when the emulator stops.
    pub(crate) fn save(&self) -> Result<()> {
        self.signal(Signal::SIGUSR1)
    }

    /// Whether the emulator still runs.
    pub(crate) fn is_alive(&self) -> bool {
        // The process id may now belong to another program, or to a process that has ended but was not yet reaped.
        command_line(self.identity.pid).contains(&*self.dir.join("emulator.py").to_string_lossy())
    }

    /// The data with which to find it.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its address.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://localhost:{}", self.identity.port)
    }

    /// Its log file.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("ministack.log")
    }

    /// The environment variables with which an AWS client connects as the account's root.
    pub(crate) fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ACCESS_KEY_ID", self.identity.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.identity.secret_key.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
        ]
    }

    /// Sets these variables for a program, in place of the caller's configuration.
    pub(crate) fn configure<'a>(&self, program: &'a mut Command) -> &'a mut Command {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            program.env_remove(name);
        }
        program.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command::without_proxy(program).envs(self.environment())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        if self.is_alive() {
            kill(Pid::from_raw(self.identity.pid), signal).context("signalling ministack")?;
        }
        Ok(())
    }

    fn is_healthy(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.identity.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(
                b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            )?;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        ask().is_ok_and(|answer| answer.ends_with("200"))
    }
}

/// The command line of a process, or nothing if it has ended.
fn command_line(pid: i32) -> String {
    let line = if cfg!(target_os = "linux") {
        fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
    } else {
        let mut ps = Command::new("ps");
        ps.args(["-ww", "-o", "command=", "-p", &pid.to_string()]);
        ps.output().map(|output| output.stdout).unwrap_or_default()
    };
    String::from_utf8_lossy(&line).into_owned()
}
